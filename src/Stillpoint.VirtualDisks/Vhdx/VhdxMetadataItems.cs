using System.Buffers.Binary;

namespace Stillpoint.VirtualDisks;

/// <summary>The items of the metadata region by id (MS-VHDX 2.6.1).</summary>
internal sealed class VhdxMetadataItems
{
    internal const uint Required = 4;
    internal const uint RequiredOfDisk = 6;
    private const int EntrySize = 32;
    private const long LargestItem = 1 << 20;
    private static readonly Guid[] Known =
    [
        VhdxLayout.FileParametersItem, VhdxLayout.VirtualDiskSizeItem, VhdxLayout.VirtualDiskIdItem,
        VhdxLayout.LogicalSectorSizeItem, VhdxLayout.PhysicalSectorSizeItem, VhdxLayout.ParentLocatorItem,
    ];

    private readonly IDiskFile _file;
    private readonly VhdxRegions _regions;
    private readonly Dictionary<Guid, (uint Offset, uint Length, int Entry)> _items = [];

    private VhdxMetadataItems(IDiskFile file, VhdxRegions regions)
    {
        _file = file;
        _regions = regions;
    }

    /// <summary>End of the last item, relative to the region: where a new one can be put.</summary>
    internal long End { get; private set; } = VhdxLayout.MetadataTableSize;

    internal static VhdxMetadataItems Load(IDiskFile file, VhdxRegions regions)
    {
        var table = new byte[VhdxLayout.MetadataTableSize];
        file.Read(regions.MetadataOffset, table);
        DiskFormatException Bad(string problem) => new(file.Path, "metadata table", regions.MetadataOffset, problem);
        if (!table.AsSpan().StartsWith(VhdxLayout.MetadataSignature)) throw Bad("has no signature");
        var count = BinaryPrimitives.ReadUInt16LittleEndian(table.AsSpan(10));
        if (count > VhdxLayout.MostEntries) throw Bad($"claims {count} entries; at most {VhdxLayout.MostEntries} fit");
        var items = new VhdxMetadataItems(file, regions);
        var taken = new List<(uint Offset, uint Length)>();
        for (var i = 0; i < count; i++)
        {
            var entry = table.AsSpan(32 + (i * EntrySize), EntrySize);
            var id = new Guid(entry[..16]);
            var offset = BinaryPrimitives.ReadUInt32LittleEndian(entry[16..]);
            var length = BinaryPrimitives.ReadUInt32LittleEndian(entry[20..]);
            var flags = BinaryPrimitives.ReadUInt32LittleEndian(entry[24..]);
            var isUser = (flags & 1) != 0;
            if (length != 0 && (offset < VhdxLayout.MetadataTableSize || (long)offset + length > regions.MetadataLength || length > LargestItem))
            {
                throw Bad($"entry {i} puts item {id} at {offset}, length {length}: outside the region");
            }
            if (length != 0)
            {
                if (taken.Exists(t => offset < (long)t.Offset + t.Length && t.Offset < (long)offset + length)) throw Bad($"entry {i}: item {id} overlaps another");
                taken.Add((offset, length));
                items.End = Math.Max(items.End, (long)offset + length);
            }
            var known = !isUser && Array.IndexOf(Known, id) >= 0;
            if (!known && (flags & Required) != 0) throw Bad($"requires item {id}, which is not known");
            if (known && !items._items.TryAdd(id, (offset, length, i))) throw Bad($"names item {id} twice");
        }
        return items;
    }

    /// <summary>An item's bytes.</summary>
    /// <param name="id">Which.</param>
    /// <param name="name">Its name, for messages.</param>
    /// <param name="size">Bytes that it must have; null for any.</param>
    internal byte[] Value(Guid id, string name, int? size)
    {
        if (!_items.TryGetValue(id, out var item)) throw new DiskFormatException(_file.Path, "metadata table", _regions.MetadataOffset, $"lacks {name}");
        if (size is { } s && item.Length != s)
        {
            throw new DiskFormatException(_file.Path, name, _regions.MetadataOffset + item.Offset, $"has {item.Length} bytes, not {s}");
        }
        var bytes = new byte[item.Length];
        if (bytes.Length > 0) _file.Read(_regions.MetadataOffset + item.Offset, bytes);
        return bytes;
    }

    /// <summary>Where an item's bytes lie in the file, and where its table entry is.</summary>
    internal (long ValueOffset, long EntryOffset) Place(Guid id)
    {
        var (offset, _, entry) = _items[id];
        return (_regions.MetadataOffset + offset, _regions.MetadataOffset + 32 + (entry * EntrySize));
    }

    internal static byte[] Build(IReadOnlyList<(Guid Id, uint Flags, byte[] Value)> items, int regionLength)
    {
        var bytes = new byte[regionLength];
        VhdxLayout.MetadataSignature.CopyTo(bytes);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(10), (ushort)items.Count);
        var at = VhdxLayout.MetadataTableSize;
        for (var i = 0; i < items.Count; i++)
        {
            var entry = bytes.AsSpan(32 + (i * EntrySize), EntrySize);
            items[i].Id.TryWriteBytes(entry);
            BinaryPrimitives.WriteInt32LittleEndian(entry[16..], at);
            BinaryPrimitives.WriteInt32LittleEndian(entry[20..], items[i].Value.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[24..], items[i].Flags);
            items[i].Value.CopyTo(bytes, at);
            at += items[i].Value.Length;
        }
        return bytes;
    }
}
