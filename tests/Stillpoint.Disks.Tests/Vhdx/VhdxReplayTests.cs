using System.Buffers.Binary;
using Stillpoint.VirtualDisks;

namespace Stillpoint.Disks.Tests;

/// <summary>Logs that others may leave: large ones, and such as ask for much.</summary>
public sealed class VhdxReplayTests : IDisposable
{
    private const int Mebibyte = 1 << 20;
    private const int Page = 4096;
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Of_changes_to_the_same_bytes_the_last_counts_read_only_and_replayed()
    {
        var path = _folder["a.vhdx"];
        var area = Dirty(path, 1, area => [(area, 0), (area + (8 * Page), Page), (area + (16 * Page), Page), (area + Page, 4 * Page), (area + (16 * Page), 0), (area + (8 * Page), 16 * Page)], 32 * Page);
        // Page 0 is data, pages 1 to 4 zeros, pages 8 to 23 zeros though pages 8 and 16 came before as other things.
        byte[] Expected(byte[] before)
        {
            var bytes = before.ToArray();
            Data(0, 0).CopyTo(bytes, 0);
            bytes.AsSpan(Page, 4 * Page).Clear();
            bytes.AsSpan(8 * Page, 16 * Page).Clear();
            return bytes;
        }
        var before = File.ReadAllBytes(path).AsSpan((int)area, 32 * Page).ToArray();
        using (var file = HostFile.Open(path, writable: false))
        {
            var replayed = new ReplayedFile(file, VhdxLogReader.Read(file, VhdxHeaders.Load(file).Current));
            var seen = new byte[32 * Page];
            replayed.Read(area, seen);
            Assert.Equal(Expected(before), seen);
            var part = new byte[100];
            replayed.Read(area + Page - 50, part);
            Assert.Equal(Expected(before).AsSpan(Page - 50, 100).ToArray(), part);
        }
        DiskCheck.Repair(path, _folder.NewId);
        Assert.Equal(Expected(before), File.ReadAllBytes(path).AsSpan((int)area, 32 * Page).ToArray());
        Assert.Empty(DiskCheck.Run(path, new DiskOpenOptions()));
    }

    [Fact]
    public void Zeros_over_holes_write_nothing()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "holes are only known on Linux");
        var path = _folder["a.vhdx"];
        const long much = 1L << 40;
        Dirty(path, 1, area => [.. Enumerable.Range(0, 1000).Select(i => (area + ((i % 7) * Page), much))], much + (7 * Page));
        DiskCheck.Repair(path, _folder.NewId);
        Assert.Empty(DiskCheck.Run(path, new DiskOpenOptions()));
        using var file = HostFile.Open(path, writable: false);
        Assert.InRange(HoleRuns.Split(file, 0, 0, file.Length).Where(r => r.State == RunState.Here).Sum(r => r.Length), 1, 16L * Mebibyte);
    }

    [Fact]
    public void A_cancelled_replay_goes_on_with_the_next_opening()
    {
        var path = _folder["a.vhdx"];
        Dirty(path, 1, area => [(area, 0), (area + Page, 0)], 32 * Page);
        var options = new DiskOpenOptions { ReadOnly = false, NewId = _folder.NewId };
        Assert.ThrowsAny<OperationCanceledException>(() => VirtualDisk.Open(path, options with { Cancel = new CancellationToken(canceled: true) }));
        Assert.Equal("log", Assert.Single(DiskCheck.Run(path, new DiskOpenOptions())).Structure);
        VirtualDisk.Open(path, options).Dispose();
        Assert.Empty(DiskCheck.Run(path, new DiskOpenOptions()));
    }

    [Fact]
    [Trait("Kind", "Slow")]
    public void A_full_log_of_64_MiB_is_read_in_less_memory_than_it_has()
    {
        Witness.Need("time");
        var path = _folder["a.vhdx"];
        Dirty(path, 64, area => [.. Enumerable.Range(0, 16_000).Select(i => (area + ((long)i * Page), 0L))], 64L * Mebibyte);
        Witness.Run("time", ["-f", "%M", "-o", _folder["peak"], StillpointCommandLine.Find(), "disk", "info", path]);
        Assert.InRange(long.Parse(File.ReadAllText(_folder["peak"])) * 1024, 1, 64L * Mebibyte);
    }

    /// <summary>Makes a disk whose log, at the end of the file, has one entry: zeros where a length is given, else a page of data.</summary>
    /// <returns>Where in the file the changes are, after the log.</returns>
    private long Dirty(string path, int logMebibytes, Func<long, List<(long Offset, long Zeros)>> changes, long areaLength)
    {
        using (VhdxDisk.Create(path, new VhdxCreateOptions { Length = 8 * Mebibyte, NewId = _folder.NewId }))
        {
        }
        using var file = HostFile.Open(path, writable: true);
        var log = VhdxLayout.RoundUp(file.Length, Mebibyte);
        var area = log + ((long)logMebibytes * Mebibyte);
        file.SetLength(area + VhdxLayout.RoundUp(areaLength, Mebibyte));
        file.Write(area, Data(99, Math.Min(areaLength, 32 * Page)));
        var (headers, id) = (VhdxHeaders.Load(file), _folder.NewId());
        file.Write(log, Entry(changes(area), id, file.Length));
        headers.UpdateBoth(headers.Current with { LogId = id, LogOffset = log, LogLength = (uint)logMebibytes * Mebibyte });
        file.Sync();
        return area;
    }

    private static byte[] Data(int seed, long length) => TestFolder.Noise(seed + 1, length == 0 ? Page : (int)length);

    private static byte[] Entry(List<(long Offset, long Zeros)> changes, Guid id, long fileLength)
    {
        var descriptors = (int)VhdxLayout.RoundUp(64 + (changes.Count * 32), Page);
        var entry = new byte[descriptors + (changes.Count(c => c.Zeros == 0) * Page)];
        "loge"u8.CopyTo(entry);
        BinaryPrimitives.WriteInt32LittleEndian(entry.AsSpan(8), entry.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(entry.AsSpan(16), 5);
        BinaryPrimitives.WriteInt32LittleEndian(entry.AsSpan(24), changes.Count);
        id.TryWriteBytes(entry.AsSpan(32));
        BinaryPrimitives.WriteInt64LittleEndian(entry.AsSpan(48), fileLength);
        BinaryPrimitives.WriteInt64LittleEndian(entry.AsSpan(56), fileLength);
        var place = descriptors;
        for (var i = 0; i < changes.Count; i++)
        {
            var descriptor = entry.AsSpan(64 + (i * 32), 32);
            BinaryPrimitives.WriteInt64LittleEndian(descriptor[16..], changes[i].Offset);
            BinaryPrimitives.WriteUInt64LittleEndian(descriptor[24..], 5);
            if (changes[i].Zeros > 0)
            {
                "zero"u8.CopyTo(descriptor);
                BinaryPrimitives.WriteInt64LittleEndian(descriptor[8..], changes[i].Zeros);
                continue;
            }
            var page = Data(i, 0);
            "desc"u8.CopyTo(descriptor);
            page.AsSpan(Page - 4).CopyTo(descriptor[4..]);
            page.AsSpan(0, 8).CopyTo(descriptor[8..]);
            page.CopyTo(entry.AsSpan(place));
            var data = entry.AsSpan(place, Page);
            "data"u8.CopyTo(data);
            data[4..8].Clear();
            BinaryPrimitives.WriteUInt32LittleEndian(data[^4..], 5);
            place += Page;
        }
        BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(4), VhdxLayout.Checksum(entry, 4));
        return entry;
    }
}
