using System.Buffers.Binary;

namespace Stillpoint.Disks.Tests;

/// <summary>
/// Damages to a VHDX whose layout is known: log at 1 MiB, metadata at 2 MiB, BAT at 3 MiB, blocks of 1 MiB, 512-byte sectors. What a damage must
/// lead to is told from the format alone, by a reading of the BAT that shares nothing with the library.
/// </summary>
internal sealed class VhdxDamage(byte[] sound, bool isChild, int dirtyLogLength)
{
    private const int Mebibyte = 1 << 20;
    private const int Log = Mebibyte;
    private const int Metadata = 2 * Mebibyte;
    private const int Items = Metadata + (64 << 10);
    private const int Bat = 3 * Mebibyte;
    private const int Ratio = 4096;
    private const int Blocks = 6;
    private static readonly int[] s_headers = [64 << 10, 128 << 10];
    private static readonly int[] s_regions = [192 << 10, 256 << 10];
    private static readonly string[] s_any = ["file", "file identifier", "header", "region table", "metadata", "metadata table", "BAT", "log"];

    internal Damage Next(Random random)
    {
        var bytes = (byte[])sound.Clone();
        // A log entry carries whole pages of metadata: what it repairs is not damage.
        var tables = dirtyLogLength == 0;
        return random.Next(tables ? 16 : 8) switch
        {
            0 => Copies("one header", "header", s_headers, 4096, bytes, random, both: false),
            1 => Copies("both headers", "header", s_headers, 4096, bytes, random, both: true),
            2 => Copies("one region table", "region table", s_regions, 64 << 10, bytes, random, both: false),
            3 => Copies("both region tables", "region table", s_regions, 64 << 10, bytes, random, both: true),
            4 => Identifier(bytes, random),
            5 => LogNoise(bytes, random),
            6 => Cut(random),
            7 => Swap(bytes, random),
            8 => Item(bytes, random),
            9 => MetadataTable(bytes, random),
            10 => Payload(bytes, random),
            11 when isChild => BitmapBit(bytes, random),
            _ => Table(bytes, random),
        };
    }

    private static Damage Copies(string kind, string structure, int[] places, int length, byte[] bytes, Random random, bool both)
    {
        var first = random.Next(2);
        Flip(bytes, places[first] + random.Next(length), random);
        if (!both) return Damage.Sound(kind, bytes);
        Flip(bytes, places[1 - first] + random.Next(length), random);
        return Damage.Refused(kind, bytes, structure);
    }

    private static Damage Identifier(byte[] bytes, Random random)
    {
        var at = random.Next(520);
        Flip(bytes, at, random);
        return at < 8 ? Damage.Refused("signature of the file", bytes, "file identifier") : Damage.Sound("creator", bytes);
    }

    private Damage LogNoise(byte[] bytes, Random random)
    {
        if (dirtyLogLength == 0)
        {
            random.NextBytes(bytes.AsSpan(Log + random.Next(Mebibyte - 600), 600));
            return Damage.Sound("log that holds nothing", bytes);
        }
        Flip(bytes, Log + random.Next(dirtyLogLength), random);
        return Damage.Refused("log that is needed", bytes, "log");
    }

    private Damage Cut(Random random)
    {
        // The last MiB of the file belongs to a block, so that every cut hits something.
        var length = random.Next(3) == 0 ? random.Next(400 << 10) : random.Next(sound.Length);
        return Damage.Refused($"cut at {length}", sound[..length], s_any);
    }

    private Damage Swap(byte[] bytes, Random random)
    {
        switch (random.Next(dirtyLogLength == 0 ? 4 : 2))
        {
            case 0:
                Exchange(bytes, s_headers[0], s_headers[1], 4096);
                return Damage.Sound("headers swapped", bytes);
            case 1:
                Exchange(bytes, s_headers[random.Next(2)], s_regions[random.Next(2)], 4096);
                return Damage.Sound("a header and a region table swapped", bytes);
            case 2:
                Exchange(bytes, Metadata, Bat, 64 << 10);
                return Damage.Refused("metadata table and BAT swapped", bytes, "metadata table");
            default:
                Exchange(bytes, Bat + (random.Next(Blocks) * 8), Bat + (random.Next(Blocks) * 8), 8);
                return OfTable("two blocks swapped", bytes);
        }
    }

    /// <summary>Values of metadata items: no checksum covers them, so only contradictions show.</summary>
    private Damage Item(byte[] bytes, Random random)
    {
        var size = BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(Items + 8));
        switch (random.Next(6))
        {
            case 0:
                BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(Items), random.Next(2) == 0 ? 3 * Mebibyte : 512 << 10);
                return Damage.Refused("block size", bytes, "metadata");
            case 1:
                BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(Items + 8), random.NextInt64(1L << 38, 1L << 45) / 512 * 512);
                return Damage.Refused("size past the BAT", bytes, "BAT", "metadata");
            case 2:
                BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(Items + 8), size + random.Next(1, 512));
                return Damage.Refused("size in part sectors", bytes, "metadata");
            case 3:
                var smaller = random.NextInt64(1, size / 512) * 512;
                BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(Items + 8), smaller);
                return Damage.Local("smaller size", bytes, (smaller, size));
            case 4:
                BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(Items + 32), 1024);
                return Damage.Refused("logical sector", bytes, "metadata");
            default:
                Flip(bytes, Items + 16 + random.Next(16), random);
                return isChild ? Damage.Refused("disk id of a child", bytes, "parent locator") : Damage.Sound("disk id", bytes);
        }
    }

    private static Damage MetadataTable(byte[] bytes, Random random)
    {
        // Signature, or the identity of one of the five items that every disk has: 32 bytes each after a header of 32.
        var at = random.Next(2) == 0 ? random.Next(8) : 32 + (random.Next(5) * 32) + random.Next(16);
        Flip(bytes, Metadata + at, random);
        return Damage.Refused("metadata table", bytes, "metadata table", "metadata");
    }

    private Damage Payload(byte[] bytes, Random random)
    {
        var block = random.Next(Blocks);
        var (place, state) = Entry(bytes, block);
        if (state < 6) return Table(bytes, random);
        var within = random.Next(Mebibyte);
        Flip(bytes, (int)place + within, random);
        var at = ((long)block * Mebibyte) + within;
        return Damage.Local("payload", bytes, (at, at + 1));
    }

    private Damage BitmapBit(byte[] bytes, Random random)
    {
        var (place, state) = Entry(bytes, Ratio);
        if (state != 6) return Table(bytes, random);
        var sector = random.Next(Blocks * Mebibyte / 512);
        bytes[(int)place + (sector / 8)] ^= (byte)(1 << (sector % 8));
        return Damage.Local("bit of a sector bitmap", bytes, (sector * 512L, (sector * 512L) + 512));
    }

    private Damage Table(byte[] bytes, Random random)
    {
        var index = isChild && random.Next(5) == 0 ? Ratio : random.Next(Blocks);
        var at = bytes.AsSpan(Bat + (index * 8), 8);
        var bits = BinaryPrimitives.ReadUInt64LittleEndian(at);
        bits = random.Next(5) switch
        {
            0 => bits ^ (1UL << random.Next(64)),
            1 => (bits & ~7UL) | (uint)random.Next(8),
            2 => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(Bat + (random.Next(Blocks) * 8))),
            3 => ((ulong)random.Next((sound.Length / Mebibyte) + 2) << 20) | 6,
            _ => (ulong)random.NextInt64(),
        };
        BinaryPrimitives.WriteUInt64LittleEndian(at, bits);
        return OfTable($"BAT entry {index} is {bits:X}", bytes);
    }

    /// <summary>Reads the whole BAT as the format defines it and tells what a changed one must lead to.</summary>
    private Damage OfTable(string kind, byte[] bytes)
    {
        var taken = new HashSet<long> { 0, 1, 2, 3 };
        var bitmap = isChild ? Entry(bytes, Ratio) : default;
        foreach (var index in isChild ? Enumerable.Range(0, Blocks).Append(Ratio) : Enumerable.Range(0, Blocks))
        {
            var bits = BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(Bat + (index * 8)));
            var state = (int)(bits & 7);
            if (index == Ratio ? state is not (0 or 6) : state == 4) return Damage.Refused(kind, bytes, "BAT");
            if (state == 7 && (!isChild || bitmap.State != 6)) return Damage.Refused(kind, bytes, "BAT");
            if (state < 6) continue;
            var mebibyte = (long)(bits >> 20);
            if ((bits & 0xFFFF8) != 0 || mebibyte >= bytes.Length / Mebibyte || !taken.Add(mebibyte)) return Damage.Refused(kind, bytes, "BAT");
        }
        var changed = Enumerable.Range(0, Blocks).Where(i => !bytes.AsSpan(Bat + (i * 8), 8).SequenceEqual(sound.AsSpan(Bat + (i * 8), 8)));
        if (isChild && bitmap != Entry(sound, Ratio)) changed = changed.Concat(Enumerable.Range(0, Blocks).Where(i => Entry(bytes, i).State == 7));
        return Damage.Local(kind, bytes, [.. changed.Distinct().Select(i => ((long)i * Mebibyte, (i + 1L) * Mebibyte))]);
    }

    private static (long Place, int State) Entry(byte[] bytes, int index)
    {
        var bits = BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(Bat + (index * 8)));
        return ((long)(bits >> 20) << 20, (int)(bits & 7));
    }

    private static void Exchange(byte[] bytes, int a, int b, int length)
    {
        var held = bytes.AsSpan(a, length).ToArray();
        bytes.AsSpan(b, length).ToArray().CopyTo(bytes, a);
        held.CopyTo(bytes, b);
    }

    private static void Flip(byte[] bytes, int at, Random random) => bytes[at] ^= (byte)(1 << random.Next(8));
}
