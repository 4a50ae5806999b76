using System.Buffers;
using System.Buffers.Binary;
using System.Net.Security;

namespace Stillpoint.Lab;

/// <summary>The host's side of Kerberos, by the system's GSS-API and the keytab that the environment names (KRB5_KTNAME). An account is let in
/// when the lab lists its principal.</summary>
internal sealed class KerberosContext(LabAccounts accounts) : ISecurityContext
{
    private const int TokenHeader = 16;
    private const int Confounder = 16;

    private readonly NegotiateAuthentication _context = new(new NegotiateAuthenticationServerOptions
    {
        Package = "Negotiate",
        RequiredProtectionLevel = ProtectionLevel.EncryptAndSign,
    });

    /// <inheritdoc/>
    public LabAccount? Account { get; private set; }

    /// <inheritdoc/>
    public void Dispose() => _context.Dispose();

    /// <inheritdoc/>
    public LoginStep Accept(ReadOnlySpan<byte> token, out byte[]? answer)
    {
        answer = _context.GetOutgoingBlob(token, out var status);
        if (status == NegotiateAuthenticationStatusCode.ContinueNeeded) return LoginStep.GoOn;
        if (status != NegotiateAuthenticationStatusCode.Completed) return LoginStep.Refused;
        Account = _context.RemoteIdentity.Name is { } principal && accounts.Find(principal) is { Password: null } account ? account : null;
        return Account is null ? LoginStep.Refused : LoginStep.Done;
    }

    /// <summary>Hosts decrypt the message's own bytes where they stand: all else of the token must be in front, turned there by RRC bytes
    /// (RFC 4121 4.2.5), as GSS_WrapEx and Windows write it.</summary>
    public byte[]? Open(ReadOnlySpan<byte> sealedMessage, int headerLength)
    {
        if (headerLength < TokenHeader + Confounder || headerLength > sealedMessage.Length) return null;
        if (BinaryPrimitives.ReadUInt16BigEndian(sealedMessage) != 0x0504) return null;
        if (BinaryPrimitives.ReadUInt16BigEndian(sealedMessage[6..]) != headerLength - TokenHeader - Confounder) return null;
        var message = new ArrayBufferWriter<byte>();
        var status = _context.Unwrap(sealedMessage, message, out var wasEncrypted);
        return status == NegotiateAuthenticationStatusCode.Completed && wasEncrypted && message.WrittenCount == sealedMessage.Length - headerLength
            ? message.WrittenSpan.ToArray() : null;
    }

    /// <inheritdoc/>
    public (byte[] Header, byte[] Data) Seal(ReadOnlySpan<byte> message)
    {
        var written = new ArrayBufferWriter<byte>();
        var status = _context.Wrap(message, written, requestEncryption: true, out _);
        if (status != NegotiateAuthenticationStatusCode.Completed) throw new InvalidOperationException($"GSS_Wrap: {status}");
        var token = written.WrittenSpan;
        var behind = token.Length - message.Length - TokenHeader - Confounder;
        // header | confounder, message, copy of the header and checksum  →  header | copy and checksum, confounder | message
        byte[] header = [.. token[..TokenHeader], .. token[^behind..], .. token.Slice(TokenHeader, Confounder)];
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(6), (ushort)behind);
        return (header, token.Slice(TokenHeader + Confounder, message.Length).ToArray());
    }
}
