using System.Buffers.Binary;
using System.Text;

namespace Stillpoint.VirtualDisks;

/// <summary>The hard disk footer (VHD 1.0, "Hard Disk Footer Format"); all numbers big-endian.</summary>
internal sealed record VhdFooter
{
    internal const int Size = 512;
    internal const int TypeFixed = 2;
    internal const int TypeDynamic = 3;
    internal const int TypeDifferencing = 4;

    /// <summary>2040 GiB: what 32-bit sector numbers and the creators allow.</summary>
    internal const long LargestDisk = 2040L << 30;
    private const int ChecksumField = 64;
    private static readonly DateTimeOffset Epoch = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    internal required int Type { get; init; }
    internal required long DataOffset { get; init; }
    internal required uint Timestamp { get; init; }
    internal required string Creator { get; init; }
    internal required long OriginalSize { get; init; }
    internal required long CurrentSize { get; init; }
    internal required (int Cylinders, int Heads, int Sectors) Geometry { get; init; }
    internal required Guid UniqueId { get; init; }
    internal uint CreatorVersion { get; init; } = 0x000A0000;

    /// <summary>The size that the creator means. Virtual PC and old qemu address by geometry, so bytes past it are not part of the disk; Hyper-V,
    /// Disk2vhd and all others by the size field. A geometry at its limit says nothing.</summary>
    internal long DiskLength
    {
        get
        {
            var (c, h, s) = Geometry;
            var byGeometry = (long)c * h * s * 512;
            var limited = c == 65535 && h == 16 && s == 255;
            return Creator is "vpc " or "vs  " or "qemu" && !limited && byGeometry > 0 && byGeometry < CurrentSize ? byGeometry : CurrentSize;
        }
    }

    /// <summary>The footer of the same disk with another size, which is the one that the size field says.</summary>
    internal VhdFooter Resized(long length) => this with { CurrentSize = length, Geometry = GeometryOf(length), Creator = "win " };

    internal static uint SecondsSince2000(DateTimeOffset time) => (uint)Math.Clamp((time - Epoch).TotalSeconds, 0, uint.MaxValue);

    internal static bool IsThere(IDiskFile file) => file.Length >= Size && (Signed(file, 0) || Signed(file, file.Length - Size) || Signed(file, file.Length - Size + 1));

    /// <summary>The footer at the end, which may be 511 bytes long; else, for what is not fixed, its copy at the start.</summary>
    internal static VhdFooter Load(IDiskFile file)
    {
        foreach (var at in new[] { file.Length - Size, file.Length - Size + 1, 0 })
        {
            if (At(file, at) is { } footer) return footer;
        }
        throw new DiskFormatException(file.Path, "footer", file.Length - Size, "neither it nor its copy has a valid signature and checksum");
    }

    /// <summary>The footer at an offset; null when signature or checksum are wrong.</summary>
    internal static VhdFooter? At(IDiskFile file, long at)
    {
        var bytes = new byte[Size];
        file.Read(at, bytes.AsSpan(0, (int)Math.Min(Size, file.Length - at)));
        return Parse(bytes, file.Path, at);
    }

    internal byte[] ToBytes()
    {
        var bytes = new byte[Size];
        "conectix"u8.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(8), 2);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(12), 0x00010000);
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(16), DataOffset);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(24), Timestamp);
        Encoding.ASCII.GetBytes(Creator, bytes.AsSpan(28));
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(32), CreatorVersion);
        "Wi2k"u8.CopyTo(bytes.AsSpan(36));
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(40), OriginalSize);
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(48), CurrentSize);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(56), (ushort)Geometry.Cylinders);
        bytes[58] = (byte)Geometry.Heads;
        bytes[59] = (byte)Geometry.Sectors;
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(60), Type);
        UniqueId.TryWriteBytes(bytes.AsSpan(68), bigEndian: true, out _);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(ChecksumField), Checksum(bytes, ChecksumField));
        return bytes;
    }

    /// <summary>The complement of the sum of all bytes, those of the field itself left out.</summary>
    internal static uint Checksum(ReadOnlySpan<byte> bytes, int field)
    {
        var sum = 0u;
        for (var i = 0; i < bytes.Length; i++)
        {
            if (i < field || i >= field + 4) sum += bytes[i];
        }
        return ~sum;
    }

    /// <summary>Cylinders, heads and sectors for a size, by the appendix "CHS Calculation" of the specification.</summary>
    internal static (int, int, int) GeometryOf(long length)
    {
        var total = Math.Min(length / 512, 65535L * 16 * 255);
        int heads, sectors;
        long cylinderTimesHeads;
        if (total >= 65535L * 16 * 63)
        {
            (sectors, heads) = (255, 16);
            cylinderTimesHeads = total / sectors;
        }
        else
        {
            sectors = 17;
            cylinderTimesHeads = total / sectors;
            heads = (int)Math.Max(4, (cylinderTimesHeads + 1023) / 1024);
            if (cylinderTimesHeads >= heads * 1024L || heads > 16)
            {
                (sectors, heads) = (31, 16);
                cylinderTimesHeads = total / sectors;
            }
            if (cylinderTimesHeads >= heads * 1024L)
            {
                (sectors, heads) = (63, 16);
                cylinderTimesHeads = total / sectors;
            }
        }
        return ((int)(cylinderTimesHeads / heads), heads, sectors);
    }

    private static VhdFooter? Parse(ReadOnlySpan<byte> bytes, string path, long at)
    {
        if (!bytes.StartsWith("conectix"u8)) return null;
        if (BinaryPrimitives.ReadUInt32BigEndian(bytes[ChecksumField..]) != Checksum(bytes, ChecksumField)) return null;
        DiskFormatException Bad(string problem) => new(path, "footer", at, problem);
        var version = BinaryPrimitives.ReadUInt32BigEndian(bytes[12..]);
        if (version >> 16 != 1) throw Bad($"has version {version:X8}; only 1.x is known");
        var footer = new VhdFooter
        {
            Type = BinaryPrimitives.ReadInt32BigEndian(bytes[60..]),
            DataOffset = BinaryPrimitives.ReadInt64BigEndian(bytes[16..]),
            Timestamp = BinaryPrimitives.ReadUInt32BigEndian(bytes[24..]),
            Creator = Encoding.Latin1.GetString(bytes.Slice(28, 4)),
            CreatorVersion = BinaryPrimitives.ReadUInt32BigEndian(bytes[32..]),
            OriginalSize = BinaryPrimitives.ReadInt64BigEndian(bytes[40..]),
            CurrentSize = BinaryPrimitives.ReadInt64BigEndian(bytes[48..]),
            Geometry = (BinaryPrimitives.ReadUInt16BigEndian(bytes[56..]), bytes[58], bytes[59]),
            UniqueId = new Guid(bytes.Slice(68, 16), bigEndian: true),
        };
        if (footer.Type is not (TypeFixed or TypeDynamic or TypeDifferencing)) throw Bad($"has disk type {footer.Type}, which is not known");
        if (footer.CurrentSize is <= 0 or > LargestDisk || footer.CurrentSize % 512 != 0) throw Bad($"has a size of {unchecked((ulong)footer.CurrentSize)} bytes: not whole sectors up to 2040 GiB");
        return footer;
    }

    private static bool Signed(IDiskFile file, long at)
    {
        Span<byte> start = stackalloc byte[8];
        if (at < 0 || at > file.Length - start.Length) return false;
        file.Read(at, start);
        return start.SequenceEqual("conectix"u8);
    }
}
