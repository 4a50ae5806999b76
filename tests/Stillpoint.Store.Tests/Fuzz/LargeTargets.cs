using System.Buffers.Binary;
using System.IO.Hashing;
using Stillpoint.Chunks;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>Readers of packs, of runs of the index, and of catalog copies.</summary>
internal static class LargeTargets
{
    private const int ChecksumSize = 16;

    public static IEnumerable<FuzzTarget> All(GoldenObjects golden)
    {
        var packs = golden.Under("packs/").ToList();
        yield return new FuzzTarget("pack", [.. packs.Select(p => p.Bytes)], b => FuzzTarget.Refuses<TroubleException>(() => ReadPack(golden, b)));
        var (name, run) = MakeRun(golden, packs);
        var folder = Path.Combine(Path.GetTempPath(), $"stillpoint-fuzz-{Environment.ProcessId}-run");
        yield return new FuzzTarget("index run", [run], b => FuzzTarget.Refuses<TroubleException>(() => ReadRun(folder, name, b, UnitOf(packs[0].Bytes), golden.Keys.Domain)));
        yield return new FuzzTarget("catalog copy", [MakeCopy(golden)[..^ChecksumSize]], b => ReadCopy(golden, b));
    }

    /// <summary>What the records of a sound pack hold.</summary>
    public static IEnumerable<byte[]> Records(byte[] pack)
    {
        var (offset, count) = PackFormat.ReadFooter(pack.AsSpan(pack.Length - PackFormat.FooterSize), pack.Length)!.Value;
        foreach (var entry in PackFormat.ReadTrailer(pack.AsSpan((int)offset), offset, count)!)
            yield return pack.AsSpan((int)entry.Offset + StoreFormat.RecordHeaderSize, entry.StoredLength).ToArray();
    }

    private static void ReadPack(GoldenObjects golden, byte[] bytes)
    {
        Reseal(bytes, 0, 112, 112);
        if (bytes.Length >= PackFormat.FooterSize + PackFormat.HeaderSize)
        {
            var from = BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(bytes.Length - PackFormat.FooterSize));
            if (from is >= 0 and < int.MaxValue && from < bytes.Length - ChecksumSize) Reseal(bytes, (int)from, bytes.Length - ChecksumSize, bytes.Length - ChecksumSize);
        }
        var header = PackFormat.ReadHeader(bytes, "pack");
        var volume = new MemoryVolume();
        var name = UnitNames.Pack(header);
        volume.PutAsync(name, bytes, default).AsTask().GetAwaiter().GetResult();
        var (pack, entries, _) = PackFile.LoadAsync(volume, new VolumeEntry(name, bytes.Length), header.Unit, default).GetAwaiter().GetResult();
        using var opener = new RecordOpener(golden.Keys);
        foreach (var entry in entries)
        {
            var record = bytes.AsMemory((int)entry.Offset, StoreFormat.RecordHeaderSize + entry.StoredLength);
            if (header.Kind != PackKind.Data || !PackFormat.TryReadRecordHeader(record.Span, out var head) || head.StoredLength != entry.StoredLength) continue;
            var read = new SealedRecord(
                pack.Header.Salt, head.Number, pack.Header.Epoch, head.Id, head.PlainLength, head.Compressed, record[StoreFormat.RecordHeaderSize..]);
            FuzzTarget.Refuses<TroubleException>(() => opener.Open(read, head.Id, new byte[head.PlainLength]));
        }
        PackScan.RunAsync(volume, name, bytes.Length, (_, _, _) => { }, default).GetAwaiter().GetResult();
    }

    private static Guid UnitOf(byte[] pack) => PackFormat.ReadHeader(pack, "pack").Unit;

    private static (string Name, byte[] Bytes) MakeRun(GoldenObjects golden, IReadOnlyList<(string Name, byte[] Bytes)> packs)
    {
        var volume = new MemoryVolume();
        foreach (var (name, bytes) in packs) volume.PutAsync(name, bytes, default).AsTask().GetAwaiter().GetResult();
        var cache = Directory.CreateTempSubdirectory("stillpoint-fuzz-").FullName;
        try
        {
            var ids = new Random(8);
            var files = new RunFiles(volume, UnitOf(packs[0].Bytes), cache);
            new IndexUpkeep(files, golden.Keys.Domain, () => NewId(ids)).RunAsync(UpkeepDepth.Full, null, default).GetAwaiter().GetResult();
            var entry = files.ListAsync(golden.Keys.Domain, default).GetAwaiter().GetResult().Single();
            var run = new byte[entry.Length];
            volume.ReadAsync(entry.Name, 0, run, default).AsTask().GetAwaiter().GetResult();
            return (entry.Name, run);
        }
        finally
        {
            Directory.Delete(cache, recursive: true);
        }
    }

    private static void ReadRun(string path, string name, byte[] bytes, Guid unit, Guid domain)
    {
        var id = UnitNames.RunOf(name)!.Value;
        var end = bytes.AsSpan(Math.Max(0, bytes.Length - RunFormat.FooterSize));
        if (RunFormat.ReadFooter(end, bytes.Length) is { } footer)
        {
            RunFormat.SealTables(bytes.AsSpan((int)RunFormat.TablesAt(footer.Entries)), id);
            for (var page = 0; page <= RunFormat.Pages(footer.Entries); page++)
                RunFormat.SealPage(bytes.AsSpan(page * RunFormat.PageSize, RunFormat.PageSize), id, page);
        }
        File.WriteAllBytes(path, bytes);
        try
        {
            using var run = IndexRun.Open(File.OpenHandle(path), name, unit, domain, id);
            var page = new byte[RunFormat.PageSize];
            for (var i = 0; i < run.Pages; i++)
            {
                run.Read(i, page);
                for (var at = 0; at < run.CountOn(i); at++) _ = run.Entry(page.AsSpan(at * RunEntry.Size));
            }
            var cursor = new RunCursor(run, page);
            for (var more = cursor.First(new RunKey(0, 0)); more; more = cursor.Next()) _ = cursor.Current;
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static byte[] MakeCopy(GoldenObjects golden)
    {
        var volume = new MemoryVolume();
        var copies = CatalogCopies.LoadAsync(volume, UnitOf(golden.Under("packs/").First().Bytes), default).GetAwaiter().GetResult();
        var small = golden.Under("ends/").Concat(golden.Under("notes/")).ToList();
        for (var i = 0; i < CatalogCopies.Many; i++) copies.Offer($"ends/{i:x32}", small[i % small.Count].Bytes);
        copies.SaveAsync(() => Guid.Empty, default).GetAwaiter().GetResult();
        var entry = volume.ListAsync(UnitNames.Catalog, default).AsTask().GetAwaiter().GetResult().Single();
        var bytes = new byte[entry.Length];
        volume.ReadAsync(entry.Name, 0, bytes, default).AsTask().GetAwaiter().GetResult();
        return bytes;
    }

    /// <summary>A copy that is damaged is not used and troubles nobody; one that is sound gives what it holds.</summary>
    private static bool ReadCopy(GoldenObjects golden, byte[] content)
    {
        var bytes = new byte[content.Length + ChecksumSize];
        content.CopyTo(bytes, 0);
        Reseal(bytes, 0, content.Length, content.Length);
        var volume = new MemoryVolume();
        volume.PutAsync(UnitNames.CatalogCopy(Guid.Empty), bytes, default).AsTask().GetAwaiter().GetResult();
        var copies = CatalogCopies.LoadAsync(volume, UnitOf(golden.Under("packs/").First().Bytes), default).GetAwaiter().GetResult();
        return copies.TryTake($"ends/{1:x32}", null, out _);
    }

    private static void Reseal(byte[] bytes, int from, int to, int at)
    {
        if (bytes.Length >= at + ChecksumSize) XxHash128.Hash(bytes.AsSpan(from, to - from), bytes.AsSpan(at, ChecksumSize));
    }

    private static Guid NewId(Random random)
    {
        var bytes = new byte[16];
        random.NextBytes(bytes);
        return new Guid(bytes);
    }
}
