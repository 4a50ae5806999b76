using System.Buffers.Binary;

namespace Stillpoint.Disks.Tests;

/// <summary>Damages to a dynamic or differencing VHD as we write it: footer copy, header at 512, table at 1536, blocks of 512 KiB with a bitmap of
/// one sector, footer. What a damage must lead to is told from the format alone.</summary>
internal sealed class VhdDamage(byte[] sound, bool isChild)
{
    private const int Header = 512;
    private const int Table = 1536;
    private const int Blocks = 12;
    private const int BlockSize = 512 << 10;
    private const int BlockInFile = BlockSize + 512;

    internal Damage Next(Random random)
    {
        var bytes = (byte[])sound.Clone();
        switch (random.Next(10))
        {
            case 0:
                Flip(bytes, bytes.Length - 512 + random.Next(512), random);
                return Damage.Sound("footer", bytes);
            case 1:
                Flip(bytes, random.Next(512), random);
                return Damage.Sound("copy of the footer", bytes);
            case 2:
                Flip(bytes, random.Next(512), random);
                Flip(bytes, bytes.Length - 512 + random.Next(512), random);
                return Damage.Refused("both footers", bytes, "footer");
            case 3:
                Flip(bytes, Header + random.Next(1024), random);
                return Damage.Refused("header", bytes, "dynamic disk header");
            case 4:
                return Cut(random);
            case 5:
                Exchange(bytes, 0, bytes.Length - 512, 512);
                return Damage.Sound("footers swapped", bytes);
            case 6:
                Exchange(bytes, Header, Table, 512);
                return Damage.Refused("header and table swapped", bytes, "dynamic disk header");
            case 7:
                return Payload(bytes, random);
            default:
                return Entries(bytes, random);
        }
    }

    private Damage Cut(Random random)
    {
        var length = random.Next(2) == 0 ? sound.Length - 1 - random.Next(2000) : random.Next(sound.Length);
        var lastBlock = Enumerable.Range(0, Blocks).Max(b => Place(sound, b) is >= 0 and var at ? at + BlockInFile : 0);
        var cut = sound[..length];
        return length >= lastBlock
            ? Damage.Sound($"footer cut at {length}", cut)
            : Damage.Refused($"cut at {length}", cut, "block allocation table", "footer", "dynamic disk header", "parent locator", "file");
    }

    private Damage Payload(byte[] bytes, Random random)
    {
        var block = Enumerable.Range(0, Blocks).Where(b => Place(sound, b) >= 0).OrderBy(_ => random.Next()).First();
        var at = random.Next(BlockInFile);
        Flip(bytes, (int)Place(sound, block) + at, random);
        if (at >= 512)
        {
            var offset = (block * (long)BlockSize) + at - 512;
            return Damage.Local("payload", bytes, (offset, offset + 1));
        }
        // In a dynamic disk the bitmap says nothing that the table does not.
        if (!isChild || at >= BlockSize / 512 / 8) return Damage.Sound("bitmap that says nothing", bytes);
        var sectors = (block * (long)BlockSize) + (at * 8 * 512L);
        return Damage.Local("bit of a sector bitmap", bytes, (sectors, sectors + (8 * 512)));
    }

    private Damage Entries(byte[] bytes, Random random)
    {
        var block = random.Next(Blocks);
        var at = bytes.AsSpan(Table + (block * 4), 4);
        var old = BinaryPrimitives.ReadUInt32BigEndian(at);
        var sector = random.Next(5) switch
        {
            0 => old ^ (1u << random.Next(32)),
            1 => uint.MaxValue,
            2 => BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(Table + (random.Next(Blocks) * 4))),
            3 => (uint)random.Next((sound.Length / 512) + 4),
            _ => (uint)random.NextInt64(uint.MaxValue),
        };
        BinaryPrimitives.WriteUInt32BigEndian(at, sector);
        return OfTable($"entry {block} is {sector}", bytes);
    }

    private Damage OfTable(string kind, byte[] bytes)
    {
        var places = Enumerable.Range(0, Blocks).Select(b => Place(bytes, b)).Where(p => p >= 0).Order().ToList();
        var meets = places.Any(p => p < Table + (Blocks * 4) || p > bytes.Length - BlockInFile);
        for (var i = 1; i < places.Count; i++) meets |= places[i] - places[i - 1] < BlockInFile;
        if (meets) return Damage.Refused(kind, bytes, "block allocation table");
        var changed = Enumerable.Range(0, Blocks).Where(b => Place(bytes, b) != Place(sound, b));
        return Damage.Local(kind, bytes, [.. changed.Select(b => (b * (long)BlockSize, (b + 1L) * BlockSize))]);
    }

    private static long Place(byte[] bytes, int block) =>
        BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(Table + (block * 4))) is var sector and not uint.MaxValue ? sector * 512L : -1;

    private static void Exchange(byte[] bytes, int a, int b, int length)
    {
        var held = bytes.AsSpan(a, length).ToArray();
        bytes.AsSpan(b, length).ToArray().CopyTo(bytes, a);
        held.CopyTo(bytes, b);
    }

    private static void Flip(byte[] bytes, int at, Random random) => bytes[at] ^= (byte)(1 << random.Next(8));
}
