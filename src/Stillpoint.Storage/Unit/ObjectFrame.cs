using System.IO.Hashing;
using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>The frame of every small object: 8 bytes of magic, the format version, the content, XxHash128 of all that.</summary>
internal static class ObjectFrame
{
    public const int ChecksumSize = 16;

    public static ReadOnlySpan<byte> ImageMagic => "SPIMAGE\n"u8;

    public static ReadOnlySpan<byte> EndMagic => "SPEND--\n"u8;

    public static ReadOnlySpan<byte> SessionMagic => "SPSESS-\n"u8;

    public static ReadOnlySpan<byte> BadMagic => "SPBAD--\n"u8;

    public static ReadOnlySpan<byte> NoteMagic => "SPNOTE-\n"u8;

    public static ReadOnlySpan<byte> LeaseMagic => "SPLEASE\n"u8;

    public static ReadOnlySpan<byte> RoundMagic => "SPROUND\n"u8;

    public static ReadOnlySpan<byte> WaitsMagic => "SPWAIT-\n"u8;

    public static ReadOnlySpan<byte> VerdictMagic => "SPVERD-\n"u8;

    public static ReadOnlySpan<byte> KeepingMagic => "SPKEEP-\n"u8;

    public static ReadOnlySpan<byte> GlassMagic => "SPGLASS\n"u8;

    public static ReadOnlySpan<byte> PrimaryMagic => "SPPRIM-\n"u8;

    public static ReadOnlySpan<byte> ChecksMagic => "SPCHECK\n"u8;

    /// <summary>A writer that already holds the frame's head.</summary>
    public static ByteWriter Begin(ReadOnlySpan<byte> magic)
    {
        var writer = new ByteWriter();
        writer.Raw(magic);
        writer.U16(StoreFormat.Version);
        return writer;
    }

    /// <summary>The object.</summary>
    public static byte[] End(ByteWriter writer)
    {
        Span<byte> hash = stackalloc byte[ChecksumSize];
        XxHash128.Hash(writer.Written, hash);
        writer.Raw(hash);
        return writer.ToArray();
    }

    /// <summary>The content of an object whose frame holds.</summary>
    /// <exception cref="Model.TroubleException">It does not, or the version is another.</exception>
    public static ReadOnlySpan<byte> Content(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> magic, string what)
    {
        if (bytes.Length < magic.Length + 2 + ChecksumSize || !bytes.StartsWith(magic)) throw Damage.Of(what, "it does not begin as it should");
        var version = bytes[8] | bytes[9] << 8;
        if (version != StoreFormat.Version) throw UnitTrouble.Version(what, version);
        Span<byte> hash = stackalloc byte[ChecksumSize];
        XxHash128.Hash(bytes[..^ChecksumSize], hash);
        if (!hash.SequenceEqual(bytes[^ChecksumSize..])) throw Damage.Of(what, "its checksum does not match");
        return bytes[10..^ChecksumSize];
    }
}
