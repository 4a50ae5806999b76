using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Stillpoint.Model;

namespace Stillpoint.Chunks;

/// <summary>
/// A key file: one line of ASCII, <c>stillpoint-key 1 plain EPOCH MASTER CHECK</c>, or, under a passphrase,
/// <c>stillpoint-key 1 wrapped EPOCH DOMAIN MEMORY PASSES SALT SEALED CHECK</c>. CHECK, the first 8 hexadecimal digits of the SHA-256 of all
/// before it, finds slips of the hand. docs/FORMAT.md, "Key file".
/// </summary>
public sealed class KeyFile
{
    /// <summary>Most bytes of a key file.</summary>
    public const int MaxBytes = 1024;

    private const string Magic = "stillpoint-key";

    private readonly string _path;
    private readonly byte[] _salt;
    private readonly byte[] _secret;

    private KeyFile(string path, ushort epoch, Guid domain, PassphraseWrap? wrap, byte[] salt, byte[] secret) =>
        (_path, Epoch, Domain, Wrap, _salt, _secret) = (path, epoch, domain, wrap, salt, secret);

    /// <summary>The key domain, which stands in the open.</summary>
    public Guid Domain { get; }

    /// <summary>The epoch that new things are sealed under.</summary>
    public ushort Epoch { get; }

    /// <summary>How a passphrase locks it; null for a plain one.</summary>
    public PassphraseWrap? Wrap { get; }

    /// <summary>A plain file's bytes for a master key of 32 bytes.</summary>
    public static byte[] Format(ReadOnlySpan<byte> master, ushort epoch = 0)
    {
        if (master.Length != DomainKeys.MasterSize) throw new ArgumentException($"a master key has {DomainKeys.MasterSize} bytes", nameof(master));
        return Line(FormattableString.Invariant($"{Magic} {StoreFormat.Version} plain {epoch} {Convert.ToHexStringLower(master)}"));
    }

    /// <summary>A plain file's bytes.</summary>
    public static byte[] Format(DomainMaster master)
    {
        ArgumentNullException.ThrowIfNull(master);
        return Format(master.Bytes.Span, master.Epoch);
    }

    /// <summary>The bytes of a file that a passphrase locks.</summary>
    /// <param name="master">The secret.</param>
    /// <param name="passphrase">UTF-8, at least 8 bytes.</param>
    /// <param name="wrap">Cost of a guess.</param>
    /// <param name="random">Source of the salt.</param>
    public static byte[] Format(DomainMaster master, ReadOnlySpan<byte> passphrase, PassphraseWrap wrap, RandomNumberGenerator random)
    {
        ArgumentNullException.ThrowIfNull(master);
        ArgumentNullException.ThrowIfNull(wrap);
        ArgumentNullException.ThrowIfNull(random);
        if (!wrap.IsSound) throw new ArgumentException("Argon2id parameters out of bounds", nameof(wrap));
        using var keys = master.Keys();
        var salt = new byte[PassphraseWrap.SaltSize];
        random.GetBytes(salt);
        var open = OpenPart(master.Epoch, keys.Domain, wrap, salt);
        var secret = wrap.Seal(passphrase, salt, Encoding.ASCII.GetBytes(open), master.Bytes.Span);
        return Line($"{open} {Convert.ToHexStringLower(secret)}");
    }

    /// <summary>Reads a key file, plain or wrapped.</summary>
    /// <param name="bytes">The file's content.</param>
    /// <param name="path">For errors.</param>
    /// <exception cref="TroubleException">It is no key file, of another version, mistyped, or its parameters are out of bounds.</exception>
    public static KeyFile Read(ReadOnlySpan<byte> bytes, string path)
    {
        var parts = bytes.Length <= MaxBytes ? Encoding.ASCII.GetString(bytes).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) : [];
        if (parts.Length < 2 || parts[0] != Magic) throw Refuse(path, "it is no key file.");
        if (parts[1] != StoreFormat.Version.ToString(CultureInfo.InvariantCulture))
            throw Refuse(path, $"its version is {Shown(parts[1])}; this program knows version {StoreFormat.Version}.");
        if (parts.Length < 4 || parts[^1] != Check(string.Join(' ', parts[..^1]))) throw Refuse(path, "its check digits do not fit it: a slip of the hand, or a part is missing.");
        return parts switch
        {
            [_, _, "plain", var epoch, var master, _] => ReadPlain(path, epoch, master),
            [_, _, "wrapped", var epoch, var domain, var memory, var passes, var salt, var sealedMaster, _] =>
                ReadWrapped(path, epoch, domain, (memory, passes), (salt, sealedMaster)),
            _ => throw Refuse(path, $"its form '{Shown(parts[2])}' is unknown."),
        };
    }

    /// <summary>The master of a plain key file.</summary>
    /// <exception cref="TroubleException">See <see cref="Read"/>; or a passphrase locks it.</exception>
    public static byte[] Parse(ReadOnlySpan<byte> bytes, string path) => Read(bytes, path).Open([]).Bytes.ToArray();

    /// <summary>The secret.</summary>
    /// <param name="passphrase">UTF-8; not looked at for a plain file.</param>
    /// <exception cref="TroubleException">The passphrase is missing or wrong, or the file was altered.</exception>
    public DomainMaster Open(ReadOnlySpan<byte> passphrase)
    {
        if (Wrap is null) return new DomainMaster(_secret, Epoch);
        if (passphrase.IsEmpty) throw Locked("a passphrase locks it, and none was given.");
        var master = Wrap.Open(passphrase, _salt, Encoding.ASCII.GetBytes(OpenPart(Epoch, Domain, Wrap, _salt)), _secret)
            ?? throw Locked("the passphrase does not open it.");
        using var keys = new DomainKeys(master, Epoch);
        return keys.Domain == Domain ? new DomainMaster(master, Epoch) : throw Refuse(_path, "its key is another domain's than it says.");
    }

    /// <summary>The domain only; never the secret.</summary>
    public override string ToString() => $"key file of domain {Domain}";

    private static KeyFile ReadPlain(string path, string epochText, string masterText)
    {
        var epoch = Epoch16(path, epochText);
        var master = Hex(path, masterText, DomainKeys.MasterSize, "key");
        using var keys = new DomainKeys(master, epoch);
        return new KeyFile(path, epoch, keys.Domain, null, [], master);
    }

    private static KeyFile ReadWrapped(
        string path, string epochText, string domain, (string Memory, string Passes) cost, (string Salt, string Sealed) secret)
    {
        var wrap = new PassphraseWrap(Number(path, cost.Memory, int.MaxValue), Number(path, cost.Passes, int.MaxValue));
        if (!wrap.IsSound)
        {
            throw Refuse(path, $"its Argon2id parameters, {wrap.MemoryKiB} KiB and {wrap.Passes} passes, are out of bounds: weakened, or made to exhaust this "
                + $"machine. Allowed are {PassphraseWrap.LeastMemoryKiB} to {PassphraseWrap.MostMemoryKiB} KiB and "
                + $"{PassphraseWrap.LeastPasses} to {PassphraseWrap.MostPasses} passes.");
        }
        return new KeyFile(
            path, Epoch16(path, epochText), new Guid(Hex(path, domain, 16, "domain"), bigEndian: true), wrap,
            Hex(path, secret.Salt, PassphraseWrap.SaltSize, "salt"), Hex(path, secret.Sealed, DomainKeys.MasterSize + StoreFormat.TagSize, "sealed key"));
    }

    private static string OpenPart(ushort epoch, Guid domain, PassphraseWrap wrap, ReadOnlySpan<byte> salt) => FormattableString.Invariant(
        $"{Magic} {StoreFormat.Version} wrapped {epoch} {domain:N} {wrap.MemoryKiB} {wrap.Passes} {Convert.ToHexStringLower(salt)}");

    private static byte[] Line(string text) => Encoding.ASCII.GetBytes($"{text} {Check(text)}\n");

    private static string Check(string text)
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(Encoding.ASCII.GetBytes(text), hash);
        return Convert.ToHexStringLower(hash[..4]);
    }

    private static ushort Epoch16(string path, string text) => (ushort)Number(path, text, DomainMaster.MaxEpoch);

    private static int Number(string path, string text, int most) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value <= most && value.ToString(CultureInfo.InvariantCulture) == text
            ? value
            : throw Refuse(path, $"'{Shown(text)}' is no number that may stand there.");

    private static byte[] Hex(string path, string text, int bytes, string what) =>
        text.Length == bytes * 2 && text.All(char.IsAsciiHexDigitLower)
            ? Convert.FromHexString(text)
            : throw Refuse(path, $"its {what} is not {bytes * 2} lower-case hexadecimal digits.");

    private static string Shown(string text) => text.Length <= 20 ? text : text[..20] + "…";

    private TroubleException Locked(string why) =>
        new($"key file {_path}", why, "give --passphrase-file FILE or set STILLPOINT_PASSPHRASE_FILE; without the passphrase the recovery kit opens the unit");

    private static TroubleException Refuse(string path, string why) =>
        new($"key file {path}", why, "give the key file that store init wrote, or make it anew from the recovery kit: stillpoint store kit open");
}
