using System.Buffers.Binary;
using System.Text;

namespace Stillpoint.VirtualDisks;

/// <summary>The parent locator item on disk (MS-VHDX 2.6.2.6).</summary>
internal static class VhdxParentLocator
{
    private const int HeaderSize = 20;
    private const int EntrySize = 12;
    private const int MostPairs = 256;

    internal static ParentLocator Parse(byte[] bytes, string path, long at)
    {
        DiskFormatException Bad(string problem) => new(path, "parent locator", at, problem);
        if (bytes.Length < HeaderSize) throw Bad($"has {bytes.Length} bytes; its header alone takes {HeaderSize}");
        var type = new Guid(bytes.AsSpan(0, 16));
        if (type != VhdxLayout.ParentLocatorType) throw Bad($"is of type {type}, which is not known");
        var count = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(18));
        if (count > MostPairs || HeaderSize + (count * EntrySize) > bytes.Length) throw Bad($"claims {count} entries, more than it holds");
        var entries = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < count; i++)
        {
            var entry = bytes.AsSpan(HeaderSize + (i * EntrySize), EntrySize);
            var key = Text(BinaryPrimitives.ReadUInt32LittleEndian(entry), BinaryPrimitives.ReadUInt16LittleEndian(entry[8..]));
            var value = Text(BinaryPrimitives.ReadUInt32LittleEndian(entry[4..]), BinaryPrimitives.ReadUInt16LittleEndian(entry[10..]));
            if (!entries.TryAdd(key, value)) throw Bad($"names \"{key}\" twice");
        }
        var locator = new ParentLocator(entries);
        if (locator.Linkage is null) throw Bad("has no parent_linkage with an id");
        return locator;

        string Text(uint offset, ushort length)
        {
            if ((long)offset + length > bytes.Length || length % 2 != 0) throw Bad($"a text at {offset}, length {length}, lies outside");
            return Encoding.Unicode.GetString(bytes, (int)offset, length);
        }
    }

    internal static byte[] Build(ParentLocator locator)
    {
        var at = HeaderSize + (locator.Entries.Count * EntrySize);
        var bytes = new byte[at + locator.Entries.Sum(e => 2 * (e.Key.Length + e.Value.Length))];
        VhdxLayout.ParentLocatorType.TryWriteBytes(bytes);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(18), checked((ushort)locator.Entries.Count));
        var i = 0;
        foreach (var (key, value) in locator.Entries)
        {
            var entry = bytes.AsSpan(HeaderSize + (i++ * EntrySize), EntrySize);
            BinaryPrimitives.WriteInt32LittleEndian(entry, at);
            BinaryPrimitives.WriteUInt16LittleEndian(entry[8..], checked((ushort)(2 * key.Length)));
            at += Encoding.Unicode.GetBytes(key, bytes.AsSpan(at));
            BinaryPrimitives.WriteInt32LittleEndian(entry[4..], at);
            BinaryPrimitives.WriteUInt16LittleEndian(entry[10..], checked((ushort)(2 * value.Length)));
            at += Encoding.Unicode.GetBytes(value, bytes.AsSpan(at));
        }
        return bytes;
    }
}
