using Stillpoint.Chunks;
using Stillpoint.Extents;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>What goes in comes out, and costs what it should.</summary>
public sealed class RoundTripTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(512)]
    [InlineData(Disks.Chunk)]
    [InlineData(Disks.Chunk + 512)]
    [InlineData(128 * Disks.Chunk)]
    [InlineData(129 * Disks.Chunk - 512)]
    [InlineData((20 << 20) + 4096)]
    public async Task A_full_comes_back(int length)
    {
        await using var unit = await TestUnit.MakeAsync();
        var disk = Disks.Make(length, seed: length, share: 0.7);
        var image = await unit.BackupAsync(disk);
        await unit.ReopenAsync();
        Assert.Equal(disk, await unit.RestoreAsync(image));
        Assert.Equal("web", ImageDetailsCodec.Open(unit.Keys, image).VmName);
    }

    /// <summary>Progress of a restore is of data: a disk of holes would pass in a moment and then stand.</summary>
    [Theory]
    [InlineData(0, 0.5)]
    [InlineData((20 << 20) + 4096, 0.1)]
    [InlineData((20 << 20) + 4096, 1)]
    public async Task The_data_of_a_stream_is_what_a_restore_writes(int length, double share)
    {
        await using var unit = await TestUnit.MakeAsync();
        var image = await unit.BackupAsync(Disks.Make(length, seed: 3, share));
        await using var reader = await unit.Unit.OpenReaderAsync(new ReaderScope(unit.Keys.Domain), default);
        using var opener = new RecordOpener(unit.Keys);
        var (stream, target) = (image.Header.Streams[0], new MemoryTarget(length));
        var data = await DiskDownload.DataBytesAsync(reader, stream, default);
        Assert.Equal(await DiskDownload.RunAsync(reader, opener, stream, target, null, default), data);
        Assert.InRange(data, (long)(length * share * 0.5), (long)(length * share * 1.5));
    }

    [Fact]
    public async Task Incrementals_on_incrementals_come_back_each_as_it_was()
    {
        await using var unit = await TestUnit.MakeAsync();
        var random = new Random(7);
        var disk = Disks.Make((24 << 20) + 512, seed: 7);
        var kept = new List<(byte[] Disk, StoredImage Image)> { ((byte[])disk.Clone(), await unit.BackupAsync(disk)) };
        for (var round = 0; round < 6; round++)
        {
            var changed = new List<Extent>();
            for (var i = 0; i < 5; i++)
            {
                var offset = random.Next(disk.Length / 512) * 512;
                var length = Math.Min(random.Next(1, 400) * 512, disk.Length - offset);
                if (i == 0) disk.AsSpan(offset, length).Clear();
                else Disks.Fill(disk.AsSpan(offset, length), random);
                changed.Add(new Extent(offset, length));
            }
            var image = await unit.BackupAsync(new MemorySource((byte[])disk.Clone()), kept[^1].Image, ExtentSet.Of(changed));
            kept.Add(((byte[])disk.Clone(), image));
        }
        await unit.ReopenAsync();
        foreach (var (was, image) in kept) Assert.Equal(was, await unit.RestoreAsync(image));
        var report = await UnitVerify.RunAsync(unit.Unit, unit.Keys, null, default);
        Assert.Empty(report.Damage);
        Assert.Equal(kept.Count, report.Images.Count(i => i.Sound));
    }

    [Fact]
    public async Task One_percent_scattered_sends_one_percent_and_little_metadata()
    {
        await using var unit = await TestUnit.MakeAsync();
        var disk = Disks.Make(256 << 20, seed: 3, share: 0.4);
        var full = await unit.BackupAsync(disk);
        var random = new Random(5);
        var changed = new List<Extent>();
        for (var i = 0; i < disk.Length / Disks.Chunk / 100; i++)
        {
            var at = random.Next(disk.Length / Disks.Chunk) * (long)Disks.Chunk;
            Disks.Fill(disk.AsSpan((int)at, Disks.Chunk), random);
            changed.Add(new Extent(at, Disks.Chunk));
        }
        var set = ExtentSet.Of(changed);
        var before = await unit.Unit.StatsAsync(default);
        var source = new MemorySource(disk);
        var stream = (await unit.BackupAsync(source, full, set)).Header.Streams[0];
        var after = await unit.Unit.StatsAsync(default);

        Assert.Equal(set.TotalLength, stream.BytesChanged);
        Assert.Equal(source.Read, stream.BytesRead);
        Assert.True(stream.BytesSent <= set.TotalLength * 1.25, $"{stream.BytesSent} sent for {set.TotalLength} changed");
        Assert.True(after.NodeBytes - before.NodeBytes <= set.TotalLength / 10, $"{after.NodeBytes - before.NodeBytes} of nodes");
        var packs = (after.Packs - before.Packs) * 160;
        Assert.Equal(after.DataBytes + after.NodeBytes - before.DataBytes - before.NodeBytes, stream.BytesStored + packs);
    }

    [Fact]
    public async Task Holes_are_not_read_and_equal_content_is_sent_once()
    {
        await using var unit = await TestUnit.MakeAsync();
        var disk = new byte[32 << 20];
        Disks.Fill(disk.AsSpan(0, Disks.Chunk), new Random(1));
        for (var copy = 1; copy < 40; copy++) disk.AsSpan(0, Disks.Chunk).CopyTo(disk.AsSpan(copy * 3 * Disks.Chunk));
        var source = new MemorySource(disk);
        var stream = (await unit.BackupAsync(source, null, null)).Header.Streams[0];
        Assert.Equal(40 * Disks.Chunk, source.Read);
        Assert.Equal(Disks.Chunk, stream.BytesSent);

        var again = (await unit.BackupAsync(disk)).Header.Streams[0];
        Assert.Equal(0, again.BytesSent);
        Assert.Equal(stream.Root, again.Root);
    }

    [Fact]
    public async Task A_disk_of_zeros_costs_nothing()
    {
        await using var unit = await TestUnit.MakeAsync();
        var image = await unit.BackupAsync(new MemorySource(new byte[8 << 20], ExtentSet.Whole(8 << 20)), null, null);
        Assert.Equal(default, image.Header.Streams[0].Root);
        Assert.Equal(0, (await unit.Unit.StatsAsync(default)).Packs);
        Assert.Equal(new byte[8 << 20], await unit.RestoreAsync(image));
    }

    [Fact]
    public async Task Another_domain_neither_sees_nor_shares()
    {
        await using var unit = await TestUnit.MakeAsync();
        var disk = Disks.Make(4 << 20, seed: 9, share: 1);
        var image = await unit.BackupAsync(disk);
        using var stranger = new DomainKeys(new byte[32]);
        await using var writer = await unit.Unit.OpenWriterAsync(new WriterScope(stranger.Domain), default);
        Assert.Empty(await writer.ListImagesAsync(default));
        var known = unit.Keys.IdOf(disk.AsSpan(0, Disks.Chunk));
        Assert.False((await writer.HasChunksAsync([known], default))[0]);
        await Assert.ThrowsAsync<TroubleException>(() => writer.ReadRecordsAsync([known], default));
        await Assert.ThrowsAsync<TroubleException>(async () => await writer.ReadNodeAsync(image.Header.Streams[0].Root, default));
        Assert.Throws<TroubleException>(() => ImageDetailsCodec.Open(stranger, image));
    }
}
