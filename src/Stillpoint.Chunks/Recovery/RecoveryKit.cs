using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Stillpoint.Model;

namespace Stillpoint.Chunks;

/// <summary>A storage unit as a recovery kit names it.</summary>
/// <param name="Id">The unit.</param>
/// <param name="Address">Where it lies: a folder or a bucket's address.</param>
/// <param name="Head">Its head when the kit was made, hexadecimal: tells a unit that was rolled back since.</param>
public sealed record KitUnit(Guid Id, string Address, string Head);

/// <summary>
/// All that an empty machine needs beside the storage units themselves: the masters of the key domains, where the units are and what their
/// heads were; sealed by a recovery passphrase, printable, with instructions in plain words. docs/FORMAT.md, "Recovery kit".
/// </summary>
/// <param name="Made">When, UTC.</param>
/// <param name="Domains">Their masters.</param>
/// <param name="Units">The units.</param>
public sealed record RecoveryKit(DateTimeOffset Made, IReadOnlyList<DomainMaster> Domains, IReadOnlyList<KitUnit> Units)
{
    /// <summary>Most characters of a kit's text that are read.</summary>
    public const int MaxText = 128 << 10;

    private const int MaxEntries = 64, PrefixSize = 2 + 4 + 4 + PassphraseWrap.SaltSize;

    /// <summary>The kit as a text file.</summary>
    /// <param name="passphrase">The recovery passphrase, UTF-8; it does not go into the file.</param>
    /// <param name="wrap">Cost of a guess.</param>
    /// <param name="random">Source of the salt.</param>
    public string Write(ReadOnlySpan<byte> passphrase, PassphraseWrap wrap, RandomNumberGenerator random)
    {
        ArgumentNullException.ThrowIfNull(wrap);
        ArgumentNullException.ThrowIfNull(random);
        if (Domains.Count is 0 or > MaxEntries || Units.Count > MaxEntries) throw new ArgumentException("a kit holds 1 to 64 domains and up to 64 units");
        var salt = new byte[PassphraseWrap.SaltSize];
        random.GetBytes(salt);
        var writer = new ByteWriter();
        writer.U16(StoreFormat.Version);
        writer.U32((uint)wrap.MemoryKiB);
        writer.U32((uint)wrap.Passes);
        writer.Raw(salt);
        writer.Raw(wrap.Seal(passphrase, salt, writer.Written, Encode()));
        return Instructions() + KitText.Write(writer.Written);
    }

    /// <summary>Opens a kit.</summary>
    /// <param name="text">The file's text; what stands around the sealed lines does not matter.</param>
    /// <param name="passphrase">The recovery passphrase, UTF-8; one that the program made in capitals or without its hyphens too.</param>
    /// <param name="path">For errors.</param>
    /// <exception cref="TroubleException">It is no kit, was mistyped, or the passphrase is another.</exception>
    public static RecoveryKit Read(string text, ReadOnlySpan<byte> passphrase, string path)
    {
        ArgumentNullException.ThrowIfNull(text);
        var culprit = $"recovery kit {path}";
        if (text.Length > MaxText) throw Damage.Of(culprit, "it is far too long");
        var bytes = KitText.Read(text, path);
        var reader = new ByteReader(bytes, culprit);
        var version = reader.U16();
        if (version != StoreFormat.Version)
            throw new TroubleException(culprit, $"its version is {version}; this program knows version {StoreFormat.Version}.", "use the program version that made it");
        uint memory = reader.U32(), passes = reader.U32();
        var wrap = new PassphraseWrap((int)Math.Min(memory, int.MaxValue), (int)Math.Min(passes, int.MaxValue));
        if (!wrap.IsSound) throw Damage.Of(culprit, $"its Argon2id parameters, {memory} KiB and {passes} passes, are out of bounds");
        var salt = reader.Take(PassphraseWrap.SaltSize);
        byte[] associated = bytes[..PrefixSize], content = bytes[PrefixSize..];
        // As it was typed first: a passphrase that somebody chose may differ from another by its case alone.
        var plain = wrap.Open(passphrase, salt, associated, content)
            ?? (RecoveryPassphrase.AsMade(passphrase) is { } made ? wrap.Open(made, salt, associated, content) : null)
            ?? throw new TroubleException(culprit, "the recovery passphrase does not open it.", "give the passphrase that was noted when the kit was made");
        return Decode(plain, culprit);
    }

    internal byte[] Encode()
    {
        var writer = new ByteWriter();
        writer.I64(Made.UtcTicks);
        writer.VarInt(Domains.Count);
        foreach (var domain in Domains)
        {
            writer.Raw(domain.Bytes.Span);
            writer.U16(domain.Epoch);
        }
        writer.VarInt(Units.Count);
        foreach (var unit in Units)
        {
            writer.Id(unit.Id);
            writer.Text(unit.Address);
            writer.Text(unit.Head);
        }
        return writer.ToArray();
    }

    internal static RecoveryKit Decode(ReadOnlySpan<byte> plain, string culprit)
    {
        var reader = new ByteReader(plain, culprit);
        var made = ImageHeaderCodec.Instant(reader.I64());
        var domains = new DomainMaster[reader.Count(DomainKeys.MasterSize + 2, MaxEntries)];
        for (var i = 0; i < domains.Length; i++) domains[i] = new DomainMaster(reader.Take(DomainKeys.MasterSize).ToArray(), reader.U16());
        var units = new KitUnit[reader.Count(18, MaxEntries)];
        for (var i = 0; i < units.Length; i++) units[i] = new KitUnit(reader.Id(), reader.Text(), reader.Text());
        reader.End();
        return new RecoveryKit(made, domains, units);
    }

    private string Instructions()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"""
            STILLPOINT RECOVERY KIT, made {Made.UtcDateTime:yyyy-MM-dd HH:mm} UTC

            Print this page and keep it away from the machines that it is for. With this page, the recovery passphrase and a copy of a storage
            unit all backups can be restored on an empty machine. Without the passphrase nobody can read what is sealed below, so note the
            passphrase on another paper and keep the two apart.

            What it opens:

            """);
        foreach (var unit in Units) text.Append(CultureInfo.InvariantCulture, $"  storage unit {unit.Id:D} at {Printable(unit.Address)}\n    head {Printable(unit.Head)}\n");
        foreach (var domain in Domains)
        {
            using var keys = domain.Keys();
            text.Append(CultureInfo.InvariantCulture, $"  key domain {keys.Domain:D}, epoch {domain.Epoch}\n");
        }
        text.Append("""

            To restore on an empty machine:

              1. Install the stillpoint program.
              2. Bring this file to it. If only the paper is left: type the lines from BEGIN to END into a text file. Small or capital letters
                 do not matter, nor do hyphens and blanks but behind a line's number; the two signs at the end of each line tell which line
                 has a slip.
              3. stillpoint store kit open KIT.txt --to stillpoint.key
                 It asks for the recovery passphrase, writes the key file, and names the storage units.
              4. stillpoint store images UNIT --key-file stillpoint.key
              5. stillpoint store restore UNIT IMAGE TARGET --key-file stillpoint.key

            To see that the kit is good, do step 3 with --key-file KEYFILE, the key file in use, and without --to. Do it once, now: until
            then every backup reminds you.
            A unit that changed since has another head than the one above. That is normal: each backup changes it. To see whether a unit was
            set back to an older state, compare with the last head that you noted: stillpoint store verify UNIT --expect HEAD.


            """);
        return text.ToString();
    }

    private static string Printable(string text) => string.Concat(text.Select(c => char.IsControl(c) ? '?' : c));
}
