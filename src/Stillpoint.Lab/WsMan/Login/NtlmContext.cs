using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Stillpoint.Lab;

/// <summary>
/// The host's side of NTLMv2 (MS-NLMP 3.2.5) against the lab's accounts. It asks for what current hosts ask for: extended session security,
/// 128 bits, key exchange, sealing; and it verifies the message integrity code, and the channel binding where the client sends one.
/// </summary>
/// <param name="accounts">Who may log in.</param>
/// <param name="clock">For the challenge's time.</param>
/// <param name="random">For the challenge.</param>
/// <param name="binding">MD5 of the connection's channel binding; null without TLS.</param>
internal sealed class NtlmContext(LabAccounts accounts, LabClock clock, RandomNumberGenerator random, byte[]? binding) : ISecurityContext
{
    private const uint Required = NtlmMessage.ExtendedSecurity | NtlmMessage.Bits128;
    private const uint Offered = Required | NtlmMessage.Sign | NtlmMessage.Seal | NtlmMessage.AlwaysSign
        | NtlmMessage.KeyExchange | NtlmMessage.Bits56;
    private const int MicOffset = 72;
    private const int MicLength = 16;

    private byte[]? _negotiate;
    private byte[] _challengeMessage = [];
    private readonly byte[] _challenge = new byte[8];
    private NtlmSeal? _seal;

    /// <inheritdoc/>
    public LabAccount? Account { get; private set; }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    /// <inheritdoc/>
    public LoginStep Accept(ReadOnlySpan<byte> token, out byte[]? answer)
    {
        answer = null;
        switch (NtlmMessage.TypeOf(token))
        {
            case 1 when _negotiate is null && (NtlmMessage.NegotiateFlags(token) & Required) == Required:
                answer = Challenge(token);
                return LoginStep.GoOn;
            case 3 when _negotiate is not null && Account is null:
                Account = Authenticate(token);
                return Account is null ? LoginStep.Refused : LoginStep.Done;
            default:
                return LoginStep.Refused;
        }
    }

    /// <inheritdoc/>
    public byte[]? Open(ReadOnlySpan<byte> sealedMessage, int headerLength) => headerLength == NtlmSeal.HeaderLength
        ? _seal?.Open(sealedMessage[..headerLength], sealedMessage[headerLength..]) : null;

    /// <inheritdoc/>
    public (byte[] Header, byte[] Data) Seal(ReadOnlySpan<byte> message) => _seal!.Seal(message);

    private byte[] Challenge(ReadOnlySpan<byte> negotiate)
    {
        _negotiate = negotiate.ToArray();
        random.GetBytes(_challenge);
        var name = Encoding.Unicode.GetBytes(CimSource.HostName);
        var time = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(time, clock.Now.ToFileTime());
        // A host outside a domain names itself as its domain; a time asks the client for an integrity code (2.2.2.1).
        var info = NtlmMessage.WritePairs((2, name), (1, name), (4, name), (3, name), (7, time));
        var asked = NtlmMessage.NegotiateFlags(negotiate);
        var text = (asked & NtlmMessage.Unicode) != 0 ? NtlmMessage.Unicode : NtlmMessage.Oem;
        var flags = (asked & Offered) | text | NtlmMessage.Ntlm | NtlmMessage.RequestTarget | NtlmMessage.TargetTypeServer
            | NtlmMessage.TargetInfo | NtlmMessage.Version;
        return _challengeMessage = NtlmMessage.Challenge(flags, _challenge, CimSource.HostName, info);
    }

    private LabAccount? Authenticate(ReadOnlySpan<byte> message)
    {
        if (message.Length < 64 || NtlmMessage.Field(message, 20) is not { Length: > 44 } response || NtlmMessage.Field(message, 28) is not { } domain
            || NtlmMessage.Field(message, 36) is not { } user || NtlmMessage.Field(message, 52) is not { } sessionKey) return null;
        var flags = BinaryPrimitives.ReadUInt32LittleEndian(message[60..]);
        var text = NtlmMessage.TextOf(flags);
        if ((flags & Required) != Required || accounts.Find(text.GetString(user)) is not { Password: { } password } account) return null;
        var name = text.GetString(user).ToUpperInvariant() + text.GetString(domain);
        var key = NtlmHash.HmacMd5(Md4.Hash(Encoding.Unicode.GetBytes(password)), Encoding.Unicode.GetBytes(name));
        var proof = NtlmHash.HmacMd5(key, [.. _challenge, .. response.AsSpan(16)]);
        if (!CryptographicOperations.FixedTimeEquals(proof, response.AsSpan(0, 16))) return null;

        var exchanges = (flags & NtlmMessage.KeyExchange) != 0;
        var baseKey = NtlmHash.HmacMd5(key, proof);
        if (exchanges && sessionKey.Length != 16) return null;
        var exported = exchanges ? new Rc4(baseKey).Transform(sessionKey) : baseKey;

        // Behind the proof: 8 bytes of version, time, the client's challenge, 4 reserved; then what the client says of itself.
        var pairs = NtlmMessage.Pairs(response.AsSpan(16 + 28));
        if (!Integrity(message, pairs, exported) || !Bound(pairs)) return null;
        if ((flags & NtlmMessage.Seal) != 0) _seal = new NtlmSeal(exported, exchanges);
        return account;
    }

    /// <summary>The code over all three messages. The challenge holds a time, so a client must send one (3.1.5.1.2); hosts let some pass that do
    /// not, the lab does not.</summary>
    private bool Integrity(ReadOnlySpan<byte> message, Dictionary<int, byte[]> pairs, byte[] exported)
    {
        if (!pairs.TryGetValue(6, out var flags) || flags.Length != 4 || (flags[0] & 2) == 0) return false;
        if (message.Length < MicOffset + MicLength) return false;
        var without = message.ToArray();
        without.AsSpan(MicOffset, MicLength).Clear();
        var expected = NtlmHash.HmacMd5(exported, [.. _negotiate!, .. _challengeMessage, .. without]);
        return CryptographicOperations.FixedTimeEquals(expected, message.Slice(MicOffset, MicLength));
    }

    /// <summary>As <c>CbtHardeningLevel=Relaxed</c>, a host's default: a binding that is sent must be right, none is taken.</summary>
    private bool Bound(Dictionary<int, byte[]> pairs) => binding is null || !pairs.TryGetValue(10, out var sent)
        || sent.All(b => b == 0) || CryptographicOperations.FixedTimeEquals(sent, binding);
}
