using Stillpoint.Chunks;
using Stillpoint.Extents;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>The tracking audit and the plan of an upload.</summary>
public sealed class AuditTests
{
    [Fact]
    public async Task A_write_that_tracking_missed_is_found_and_an_honest_list_passes()
    {
        await using var unit = await TestUnit.MakeAsync();
        var disk = Disks.Make(12 << 20, seed: 1);
        var image = await unit.BackupAsync(disk);
        var changed = ExtentSet.Of(new Extent(1 << 20, 3000), new Extent(5 << 20, 1 << 20));
        foreach (var run in changed) Disks.Fill(disk.AsSpan((int)run.Offset, (int)run.Length), new Random(3));
        await using var reader = await unit.Unit.OpenReaderAsync(new ReaderScope(unit.Keys.Domain), default);

        var honest = await AuditAsync(disk);
        Assert.Empty(honest.Missed);
        Assert.True(honest.BytesAudited > 0);

        disk[9 << 20] ^= 1;
        var missed = await AuditAsync(disk);
        Assert.Equal(new Extent(9 << 20, Disks.Chunk), Assert.Single(missed.Missed));

        Task<AuditResult> AuditAsync(byte[] now) => TrackingAudit.RunAsync(
            reader, unit.Keys, DiskWork.Changes(new MemorySource((byte[])now.Clone()), changed, image.Header.Streams[0].Root), new Random(1), 256, default);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(256)]
    [InlineData(100_000)]
    public void Picks_are_distinct_inside_the_disk_and_outside_the_changes(int sample)
    {
        var shape = new TreeShape((5000L * Disks.Chunk) - 100, Disks.Chunk);
        var changed = ExtentSet.Of(new Extent(0, 1), new Extent(77 * Disks.Chunk + 5, 900 * Disks.Chunk), new Extent(4000L * Disks.Chunk, 512));
        var free = changed.AlignOut(Disks.Chunk, shape.Length).Invert(shape.Length);
        var picked = TrackingAudit.Pick(shape, changed, new Random(1), sample);
        Assert.Equal(Math.Min(sample, 5000 - 1 - 901 - 1), picked.Count);
        Assert.All(picked, chunk => Assert.True(free.Contains(chunk * Disks.Chunk) && free.Contains(chunk * Disks.Chunk + shape.LengthOf(chunk) - 1)));
        Assert.Equal(picked.Distinct().Order(), picked);
    }

    [Fact]
    public void A_plan_covers_what_changed_in_whole_chunks_and_reads_no_holes()
    {
        var shape = new TreeShape(10_000_000, Disks.Chunk);
        var source = new MemorySource(new byte[10_000_000], ExtentSet.Of(new Extent(100, 3_000_000), new Extent(9_999_000, 1000)));
        var plan = new UploadPlan(DiskWork.Changes(source, ExtentSet.Of(new Extent(2_900_000, 400_000), new Extent(9_999_999, 1)), default), shape);
        var pieces = plan.Parts(1 << 20).SelectMany(p => p.Pieces).ToList();
        Assert.Equal(400_001, plan.BytesChanged);
        Assert.Equal([44, 45, 46, 47, 48, 49, 50, 152], pieces.SelectMany(p => Enumerable.Range((int)p.FirstChunk, p.Count)));
        Assert.Equal([46, 47, 48, 49, 50], pieces.Where(p => p.Zero).SelectMany(p => Enumerable.Range((int)p.FirstChunk, p.Count)));
        Assert.Equal(2 * Disks.Chunk + (10_000_000 - (152 * Disks.Chunk)), plan.BytesToRead);
        Assert.Throws<ArgumentException>(() => new UploadPlan(DiskWork.Changes(source, ExtentSet.Of(new Extent(9_999_999, 2)), default), shape));
    }

    [Fact]
    public void Parts_fit_their_buffer()
    {
        var shape = new TreeShape(64L << 30, Disks.Chunk);
        var source = new HugeSource(64L << 30);
        var parts = new UploadPlan(DiskWork.Full(source), shape).Parts(2 << 20).Take(100).ToList();
        Assert.All(parts, p => Assert.True(p.Bytes == 2 << 20 && p.Pieces.Sum(x => x.Count) == 32));
    }

    private sealed class HugeSource(long length) : IDiskSource
    {
        public long Length => length;

        public ExtentSet Data => ExtentSet.Whole(length);

        public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancel) => throw new NotSupportedException();

        public ValueTask DisposeAsync() => default;
    }
}
