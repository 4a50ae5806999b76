using System.Buffers.Binary;
using System.IO.Hashing;
using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>
/// Copies of many small objects of a unit in few large ones, so that a list of ten thousand images does not read thirty thousand files, or make
/// as many requests. A cache: a copy of a name counts while the volume lists the name, or an end names its digest; objects never change.
/// Whoever reads many objects one by one writes them together. docs/FORMAT.md, "Catalog". One list uses one of these.
/// </summary>
internal sealed class CatalogCopies
{
    /// <summary>Objects read one by one for which a copy is written.</summary>
    public const int Many = 128;

    private const int SmallBytes = 4 << 20, MostBytes = 32 << 20, LargestRead = 1 << 30, HeadSize = 32, ChecksumSize = 16;

    private readonly IVolume _volume;
    private readonly Guid _unit;
    private readonly Dictionary<string, ReadOnlyMemory<byte>> _held = new(StringComparer.Ordinal);
    private readonly List<(string Name, List<string> Holds, long Bytes)> _copies = [];
    private readonly Dictionary<string, ReadOnlyMemory<byte>> _fresh = new(StringComparer.Ordinal);
    private readonly HashSet<string> _taken = new(StringComparer.Ordinal);
    private readonly List<string> _damaged = [];
    private long _freshBytes;

    private CatalogCopies(IVolume volume, Guid unit) => (_volume, _unit) = (volume, unit);

    private static ReadOnlySpan<byte> Magic => "SPCATLG\n"u8;

    public static async Task<CatalogCopies> LoadAsync(IVolume volume, Guid unit, CancellationToken cancel)
    {
        var copies = new CatalogCopies(volume, unit);
        var listed = await volume.ListAsync(UnitNames.Catalog, cancel);
        foreach (var entry in listed.OrderBy(e => e.Name, StringComparer.Ordinal)) await copies.LoadAsync(entry, cancel);
        return copies;
    }

    /// <summary>The bytes of an object that is known to be there.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="length">Its length as listed; null when something else proves it.</param>
    /// <param name="bytes">The bytes.</param>
    public bool TryTake(string name, long? length, out ReadOnlyMemory<byte> bytes)
    {
        if (!_held.TryGetValue(name, out bytes) || (length is not null && length != bytes.Length)) return false;
        Keep(name);
        return true;
    }

    /// <summary>An object that is there, of which a copy is worth keeping.</summary>
    public void Keep(string name)
    {
        lock (_taken) _taken.Add(name);
    }

    /// <summary>An object that had to be read by itself.</summary>
    public void Offer(string name, ReadOnlyMemory<byte> bytes)
    {
        lock (_fresh)
            if (_freshBytes + bytes.Length <= MostBytes && _fresh.TryAdd(name, bytes)) _freshBytes += bytes.Length;
    }

    /// <summary>Writes a copy of what was offered, when it is much, together with what small copies held; those go then. A volume that takes no
    /// writes stays as it is.</summary>
    /// <param name="newId">Source of names.</param>
    /// <param name="cancel">Ends the work.</param>
    public async Task SaveAsync(Func<Guid> newId, CancellationToken cancel)
    {
        if (_fresh.Count < Many) return;
        // What nobody asked for is of objects that are gone, and is not copied on.
        var old = _copies.Where(copy => copy.Bytes < SmallBytes || copy.Holds.Count(_taken.Contains) < copy.Holds.Count / 2).ToList();
        var together = new Dictionary<string, ReadOnlyMemory<byte>>(_fresh, StringComparer.Ordinal);
        foreach (var name in old.SelectMany(copy => copy.Holds))
            if (_taken.Contains(name)) together.TryAdd(name, _held[name]);
        try
        {
            await WriteAsync(UnitNames.CatalogCopy(newId()), together, cancel);
            foreach (var (name, _, _) in old) await _volume.DeleteAsync(name, cancel);
            foreach (var name in _damaged) await _volume.DeleteAsync(name, cancel);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next list tries again.
        }
    }

    private async Task LoadAsync(VolumeEntry entry, CancellationToken cancel)
    {
        if (entry.Length is < HeadSize + ChecksumSize or > LargestRead)
        {
            _damaged.Add(entry.Name);
            return;
        }
        try
        {
            var bytes = new byte[entry.Length];
            if (await _volume.ReadAsync(entry.Name, 0, bytes, cancel) != bytes.Length) return;
            _copies.Add((entry.Name, Decode(bytes, entry.Name), bytes.Length));
        }
        catch (TroubleException)
        {
            _damaged.Add(entry.Name);
        }
        catch (IOException)
        {
            // Replaced by another since it was listed, or not readable just now: then the objects themselves are read.
        }
    }

    private List<string> Decode(byte[] bytes, string name)
    {
        if (!bytes.AsSpan().StartsWith(Magic) || BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(8)) != StoreFormat.Version)
            throw Damage.Of(name, "it does not begin as a copy");
        if (!XxHash128.Hash(bytes.AsSpan(0, bytes.Length - ChecksumSize)).AsSpan().SequenceEqual(bytes.AsSpan(bytes.Length - ChecksumSize)))
            throw Damage.Of(name, "its checksum does not match");
        if (new Guid(bytes.AsSpan(16, 16), bigEndian: true) != _unit) throw Damage.Of(name, "it belongs to another unit");
        var reader = new ByteReader(bytes.AsSpan(HeadSize, bytes.Length - HeadSize - ChecksumSize), name);
        var holds = new List<string>();
        for (var left = reader.Count(least: 2, int.MaxValue); left > 0; left--)
        {
            var held = reader.Text();
            var length = reader.Count(least: 1, int.MaxValue);
            var at = bytes.Length - ChecksumSize - reader.Remaining;
            reader.Take(length);
            holds.Add(held);
            _held[held] = bytes.AsMemory(at, length);
        }
        reader.End();
        return holds;
    }

    private async Task WriteAsync(string name, Dictionary<string, ReadOnlyMemory<byte>> objects, CancellationToken cancel)
    {
        var writer = new ByteWriter();
        writer.Raw(Magic);
        writer.U16(StoreFormat.Version);
        writer.Raw(new byte[6]);
        writer.Id(_unit);
        writer.VarInt(objects.Count);
        foreach (var (held, bytes) in objects)
        {
            writer.Text(held);
            writer.VarInt(bytes.Length);
            writer.Raw(bytes.Span);
        }
        var hash = XxHash128.Hash(writer.Written);
        writer.Raw(hash);
        await using var target = await _volume.CreateAsync(name, cancel);
        await target.AppendAsync(writer.ToArray(), cancel);
        await target.CompleteAsync(cancel);
    }
}
