using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>
/// A run of the index, open: its tables in memory (8 bytes for 42 entries, 80 for a pack), its entries in a local file that is read page by
/// page. A page is proved whenever it is read, and the file is read rather than mapped: a disk that fails then is an error of that read, not
/// the end of the process. Safe for use from several threads.
/// </summary>
internal sealed class IndexRun : IDisposable
{
    private readonly SafeFileHandle _file;
    private readonly ulong[] _fences;

    private IndexRun(SafeFileHandle file, string name, Guid id, RunFooter footer, IReadOnlyList<RunPack> packs, ulong[] fences) =>
        (_file, Name, Id, Entries, Packs, _fences) = (file, name, id, footer.Entries, packs, fences);

    /// <summary>The object's name.</summary>
    public string Name { get; }

    public Guid Id { get; }

    /// <summary>Number of entries.</summary>
    public long Entries { get; }

    /// <summary>Number of pages.</summary>
    public int Pages => _fences.Length;

    public IReadOnlyList<RunPack> Packs { get; }

    /// <summary>Reads head and tables; the run owns the file from then on, and closes it when it cannot be used.</summary>
    /// <exception cref="Model.TroubleException">It is damaged.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static IndexRun Open(SafeFileHandle file, string name, Guid unit, Guid domain, Guid run)
    {
        try
        {
            var length = RandomAccess.GetLength(file);
            var head = new byte[RunFormat.PageSize];
            if (RandomAccess.Read(file, head, 0) != head.Length) throw Broken(name, "it is far too short");
            if (RunFormat.CheckHead(head, unit, domain, run) is { } why) throw Broken(name, why);
            var end = new byte[RunFormat.FooterSize];
            if (RandomAccess.Read(file, end, length - end.Length) != end.Length || RunFormat.ReadFooter(end, length) is not { } footer)
                throw Broken(name, "it does not end as a run");
            var tables = new byte[checked((int)RunFormat.TablesSize(footer))];
            if (RandomAccess.Read(file, tables, RunFormat.TablesAt(footer.Entries)) != tables.Length || !RunFormat.AreSoundTables(tables, run))
                throw Broken(name, "the checksum of its tables does not match");
            return new IndexRun(file, name, run, footer, ReadPacks(tables, footer, name, unit, domain), ReadFences(tables, footer, name));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Where to start looking for a key: the last page whose first entry is below it, or the first page.</summary>
    public int PageOf(ulong head)
    {
        var fences = _fences;
        if (fences.Length == 0) return 0;
        // Ids are hashes, so a guess by proportion is off by a few dozen pages of a large run; a key that somebody chose costs a few steps more.
        var guess = (int)Math.BigMul(head, (ulong)fences.Length, out _);
        int low = 0, high = fences.Length, step = 16;
        if (fences[guess] < head)
        {
            low = guess + 1;
            while (low + step < high && fences[low + step] < head) (low, step) = (low + step + 1, step * 2);
            high = Math.Min(high, low + step);
        }
        else
        {
            high = guess;
            while (high - step > low && fences[high - step] >= head) (high, step) = (high - step, step * 2);
            low = Math.Max(low, high - step);
        }
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (fences[middle] < head) low = middle + 1;
            else high = middle;
        }
        return Math.Max(0, low - 1);
    }

    /// <summary>True when a page may hold entries with keys that begin so.</summary>
    public bool Reaches(int page, ulong head) => page < _fences.Length && _fences[page] <= head;

    /// <summary>Number of entries on a page.</summary>
    public int CountOn(int page) => (int)Math.Min(RunFormat.EntriesPerPage, Entries - (long)page * RunFormat.EntriesPerPage);

    /// <summary>Reads whole pages from <paramref name="page"/> on and proves them.</summary>
    /// <exception cref="Model.TroubleException">One is damaged.</exception>
    /// <exception cref="IOException">They cannot be read.</exception>
    public void Read(int page, Span<byte> pages)
    {
        var offset = (1L + page) * RunFormat.PageSize;
        for (var done = 0; done < pages.Length;)
        {
            var read = RandomAccess.Read(_file, pages[done..], offset + done);
            if (read == 0) throw Broken(Name, "it is shorter than it was");
            done += read;
        }
        for (var at = 0; at < pages.Length; at += RunFormat.PageSize, page++)
        {
            if (!RunFormat.IsSoundPage(pages.Slice(at, RunFormat.PageSize), Id, 1L + page))
                throw Broken(Name, $"the checksum of its page {page} does not match");
        }
    }

    /// <summary>The entry at <paramref name="at"/>, which must be one that the tables allow.</summary>
    public RunEntry Entry(ReadOnlySpan<byte> at)
    {
        var entry = RunEntry.Read(at);
        if (entry.Pack < Packs.Count && entry.StoredLength is > 0 and <= PackFormat.MaxStored
            && (long)entry.Offset + StoreFormat.RecordHeaderSize + entry.StoredLength <= Packs[entry.Pack].File.Length) return entry;
        throw Broken(Name, "an entry names a place outside of its pack");
    }

    public void Dispose() => _file.Dispose();

    private static List<RunPack> ReadPacks(byte[] tables, RunFooter footer, string name, Guid unit, Guid domain)
    {
        // The packs' salts stay in these bytes.
        var rows = tables.AsSpan(0, footer.Packs * RunFormat.PackRowSize).ToArray();
        var packs = new List<RunPack>(footer.Packs);
        long entries = 0;
        for (var i = 0; i < footer.Packs; i++)
        {
            var row = rows.AsMemory(i * RunFormat.PackRowSize, RunFormat.PackRowSize);
            packs.Add(RunFormat.ReadPack(row, unit, domain) ?? throw Broken(name, $"row {i} of its packs makes no sense"));
            entries += packs[i].Records;
        }
        return entries == footer.Entries ? packs : throw Broken(name, $"it has {footer.Entries} entries where its packs have {entries}");
    }

    private static ulong[] ReadFences(byte[] tables, RunFooter footer, string name)
    {
        var at = tables.AsSpan(footer.Packs * RunFormat.PackRowSize);
        var fences = new ulong[checked((int)RunFormat.Pages(footer.Entries))];
        for (var i = 0; i < fences.Length; i++)
        {
            fences[i] = BinaryPrimitives.ReadUInt64BigEndian(at[(i * RunFormat.FenceSize)..]);
            if (i > 0 && fences[i] < fences[i - 1]) throw Broken(name, "its pages are out of order");
        }
        return fences;
    }

    private static Model.TroubleException Broken(string name, string why) => Damage.Of($"index run {name}", why);
}
