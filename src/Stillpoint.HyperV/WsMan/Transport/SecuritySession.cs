using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net.Security;
using System.Security.Authentication.ExtendedProtection;

namespace Stillpoint.HyperV;

/// <summary>One security context, NTLM or Kerberos, for one connection.</summary>
internal sealed class SecuritySession : IDisposable
{
    private const int NtlmHeader = 16;

    /// <summary>Token header and confounder of a Kerberos wrap token (RFC 4121 4.2.6.2; AES).</summary>
    private const int KerberosHeader = 16;
    private const int Confounder = 16;

    private readonly NegotiateAuthentication _context;

    private SecuritySession(NegotiateAuthentication context, byte[] token)
    {
        _context = context;
        Token = token;
    }

    /// <summary>What the host is to be sent next; empty for nothing.</summary>
    public byte[] Token { get; private set; }

    public bool IsComplete { get; private set; }

    /// <summary>NTLM or Kerberos.</summary>
    public string Package => _context.Package;

    /// <summary>Begins a context; null when this package cannot be had for the account, and why.</summary>
    /// <remarks>Kerberos asks its servers for a ticket here, and this blocks meanwhile.</remarks>
    public static SecuritySession? Begin(NegotiateAuthenticationClientOptions options, out NegotiateAuthenticationStatusCode status)
    {
        var context = new NegotiateAuthentication(options);
        var token = context.GetOutgoingBlob(ReadOnlySpan<byte>.Empty, out status);
        if (status is NegotiateAuthenticationStatusCode.ContinueNeeded or NegotiateAuthenticationStatusCode.Completed && token is { Length: > 0 })
            return new(context, token) { IsComplete = status == NegotiateAuthenticationStatusCode.Completed };
        context.Dispose();
        return null;
    }

    public static NegotiateAuthenticationClientOptions Options(HyperVHostOptions host, string package, ChannelBinding? binding) => new()
    {
        Package = package,
        Credential = Account.Credential(host),
        TargetName = host.ServicePrincipal ?? $"HTTP/{host.Url.IdnHost}",
        Binding = binding,
        RequiredProtectionLevel = ProtectionLevel.EncryptAndSign,
        RequireMutualAuthentication = package == "Kerberos",
    };

    public void Dispose() => _context.Dispose();

    /// <summary>Takes the host's next token.</summary>
    /// <returns>False when it is not one of this conversation.</returns>
    [SuppressMessage("Design", "CA1031", Justification = "the platform's readers of tokens throw what they please at a malformed one")]
    public bool Take(ReadOnlySpan<byte> token)
    {
        NegotiateAuthenticationStatusCode status;
        try
        {
            Token = _context.GetOutgoingBlob(token, out status) ?? [];
        }
        catch (Exception)
        {
            return false;
        }
        IsComplete = status == NegotiateAuthenticationStatusCode.Completed;
        return IsComplete || status == NegotiateAuthenticationStatusCode.ContinueNeeded;
    }

    /// <summary>Seals a message into the form that hosts take.</summary>
    public byte[] Seal(byte[] message)
    {
        var sealedMessage = new ArrayBufferWriter<byte>(message.Length + 128);
        var status = _context.Wrap(message, sealedMessage, requestEncryption: true, out var isEncrypted);
        if (status != NegotiateAuthenticationStatusCode.Completed || !isEncrypted)
            throw new InvalidOperationException($"{Package} did not seal a message ({status})");
        var token = sealedMessage.WrittenSpan.ToArray();
        var header = Package == "Kerberos" ? Rotate(token, token.Length - message.Length) : NtlmHeader;
        return SealedBody.Write(message.Length, token.AsSpan(0, header), token.AsSpan(header));
    }

    /// <summary>Opens a sealed answer.</summary>
    /// <exception cref="InvalidAnswerException">It was not sealed in this context.</exception>
    public OpenedBody Open(byte[] body)
    {
        var token = SealedBody.Read(body, out var length, out var charset);
        var message = new ArrayBufferWriter<byte>(Math.Max(token.Length, 1));
        if (!Unwrap(token, message) || message.WrittenCount != length) throw new InvalidAnswerException("its seal is broken");
        return new(message.WrittenSpan.ToArray(), charset);
    }

    [SuppressMessage("Design", "CA1031", Justification = "the platform's readers of tokens throw what they please at a malformed one")]
    private bool Unwrap(ReadOnlySpan<byte> token, ArrayBufferWriter<byte> message)
    {
        try
        {
            return _context.Unwrap(token, message, out var wasEncrypted) == NegotiateAuthenticationStatusCode.Completed && wasEncrypted;
        }
        catch (Exception)
        {
            return false;
        }
    }

    /// <summary>
    /// Hosts want the sealed bytes apart from all the rest, which Windows and <c>gss_wrap_iov</c> put in front, while <c>gss_wrap</c> leaves the
    /// checksum behind. Both are the same token, turned by RRC bytes (RFC 4121 4.2.5): RRC is not under the seal, so it is turned here.
    /// </summary>
    /// <returns>Length of what stands in front of the message's own bytes.</returns>
    private static int Rotate(Span<byte> token, int overhead)
    {
        if (overhead < KerberosHeader + Confounder || BinaryPrimitives.ReadUInt16BigEndian(token) != 0x0504)
            throw new InvalidOperationException("Kerberos sealed a message in a form other than RFC 4121's: only AES keys are supported");
        var turned = BinaryPrimitives.ReadUInt16BigEndian(token[6..]);
        var wanted = overhead - KerberosHeader - Confounder;
        if (turned == 0)
        {
            BinaryPrimitives.WriteUInt16BigEndian(token[6..], (ushort)wanted);
            var rest = token[KerberosHeader..];
            var copy = rest.ToArray();
            copy.AsSpan(copy.Length - wanted).CopyTo(rest);
            copy.AsSpan(0, copy.Length - wanted).CopyTo(rest[wanted..]);
        }
        else if (turned != wanted)
        {
            throw new InvalidOperationException($"Kerberos turned a message by {turned} bytes where {wanted} were expected");
        }
        return overhead;
    }
}
