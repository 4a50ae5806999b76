namespace Stillpoint.Transport;

/// <summary>Who is at the other end, read from a sound certificate and from nowhere else.</summary>
/// <param name="Name">Common name: unique at the primary server.</param>
/// <param name="Role">A word of <see cref="PeerRoles"/>.</param>
/// <param name="Serial">Serial number of the leaf, hexadecimal: what a revocation names.</param>
public sealed record Peer(string Name, string Role, string Serial);
