namespace Stillpoint.Transport;

/// <summary>Body of <c>POST /api/v1/join</c>, JSON.</summary>
/// <param name="Token">The one-time token.</param>
/// <param name="Name">The name that the host wants; the token may fix another.</param>
/// <param name="Role">A word of <see cref="PeerRoles"/>.</param>
/// <param name="CsrPem">PKCS#10 of the host's fresh key, PEM.</param>
public sealed record JoinRequest(string Token, string Name, string Role, string CsrPem);

/// <summary>Its answer.</summary>
/// <param name="CertificatePem">The leaf.</param>
/// <param name="CaPem">The authority.</param>
public sealed record JoinResponse(string CertificatePem, string CaPem);

/// <summary>Body of <c>POST /api/v1/renew</c>, JSON, over mutual TLS: the name and role are those of the certificate in use. The answer is a
/// <see cref="JoinResponse"/>.</summary>
/// <param name="CsrPem">PKCS#10 of a fresh key, PEM.</param>
public sealed record RenewRequest(string CsrPem);
