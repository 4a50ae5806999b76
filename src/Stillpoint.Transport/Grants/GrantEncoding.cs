using System.Buffers.Binary;
using System.Text;

namespace Stillpoint.Transport;

/// <summary>
/// Bytes of a job grant: version 2 (1) · kind (1) · job, VM, image, domain (16 each, RFC 4122 order) · not-after, Unix milliseconds (8, big
/// endian) · epoch (2, big endian) · holder and storage unit (1 length byte and UTF-8 each) · Ed25519 signature (64) over the text <c>stillpoint job grant</c>
/// followed by all bytes before it.
/// </summary>
internal static class GrantEncoding
{
    internal const byte Version = 2;
    internal const int SignatureSize = 64;
    internal const int MaxSize = 2 + (4 * 16) + 8 + 2 + (2 * 256) + SignatureSize;
    private static readonly UTF8Encoding s_strict = new(false, throwOnInvalidBytes: true);

    internal static byte[] Write(JobGrant grant)
    {
        using var bytes = new MemoryStream(160);
        bytes.WriteByte(Version);
        bytes.WriteByte(grant.Kind == GrantKind.Backup ? (byte)1 : (byte)2);
        Span<byte> block = stackalloc byte[16];
        foreach (var id in (ReadOnlySpan<Guid>)[grant.JobId, grant.VmId, grant.ImageId, grant.Domain])
        {
            id.TryWriteBytes(block, bigEndian: true, out _);
            bytes.Write(block);
        }
        BinaryPrimitives.WriteInt64BigEndian(block, grant.NotAfter.ToUnixTimeMilliseconds());
        BinaryPrimitives.WriteUInt16BigEndian(block[8..], grant.Epoch);
        bytes.Write(block[..10]);
        WriteText(bytes, grant.Holder);
        WriteText(bytes, grant.StorageUnit);
        return bytes.ToArray();
    }

    /// <summary>False when the bytes are no grant of this version.</summary>
    internal static bool TryRead(ReadOnlySpan<byte> bytes, out JobGrant grant)
    {
        grant = null!;
        if (bytes.Length < 2 + 64 + 8 + 2 + 2 || bytes[0] != Version || bytes[1] is not (1 or 2)) return false;
        var kind = bytes[1] == 1 ? GrantKind.Backup : GrantKind.Restore;
        bytes = bytes[2..];
        var (job, vm, image, domain) = (Id(bytes), Id(bytes[16..]), Id(bytes[32..]), Id(bytes[48..]));
        var notAfter = BinaryPrimitives.ReadInt64BigEndian(bytes[64..]);
        var epoch = BinaryPrimitives.ReadUInt16BigEndian(bytes[72..]);
        bytes = bytes[74..];
        if (notAfter is < 0 or > 253402300799999) return false;
        if (!TryReadText(ref bytes, out var holder) || !TryReadText(ref bytes, out var unit) || bytes.Length != 0) return false;
        grant = new JobGrant(kind, job, holder, vm, image, domain, unit, DateTimeOffset.FromUnixTimeMilliseconds(notAfter), epoch);
        return true;
    }

    /// <summary>What is signed.</summary>
    internal static byte[] Signed(ReadOnlySpan<byte> body) => [.. "stillpoint job grant"u8, .. body];

    private static Guid Id(ReadOnlySpan<byte> bytes) => new(bytes[..16], bigEndian: true);

    private static void WriteText(MemoryStream bytes, string text)
    {
        var encoded = s_strict.GetBytes(text);
        if (encoded.Length is 0 or > 255) throw new ArgumentException($"'{text}' does not fit a grant: 1 to 255 bytes.");
        bytes.WriteByte((byte)encoded.Length);
        bytes.Write(encoded);
    }

    private static bool TryReadText(ref ReadOnlySpan<byte> bytes, out string text)
    {
        text = "";
        if (bytes.Length < 1 || bytes[0] == 0 || bytes.Length < 1 + bytes[0]) return false;
        try
        {
            text = s_strict.GetString(bytes.Slice(1, bytes[0]));
        }
        catch (DecoderFallbackException)
        {
            return false;
        }
        bytes = bytes[(1 + bytes[0])..];
        return true;
    }
}
