using Stillpoint.Chunks;
using Stillpoint.Extents;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>Each call of the volume fails in turn: a clear trouble, nothing half-visible, and the next backup works.</summary>
public sealed class FaultTests
{
    private const int NoSpace = 28;

    [Fact]
    public async Task Every_call_may_fail_and_nothing_is_half_visible()
    {
        var disk = Disks.Make(6 << 20, seed: 8, share: 0.8);
        var calls = await CountAsync(disk);
        var fired = 0;
        foreach (var call in new[] { VolumeCall.Put, VolumeCall.Create, VolumeCall.Append, VolumeCall.Complete, VolumeCall.List, VolumeCall.Read })
        {
            for (var nth = 0; nth < calls[call]; nth++)
            {
                FaultyVolume faulty = null!;
                await using var unit = await TestUnit.MakeAsync(wrap: v => faulty = new FaultyVolume(v));
                var first = await unit.BackupAsync(disk);
                faulty.Plan(call, nth, () => new IOException("no space left on device", NoSpace));
                var changed = (byte[])disk.Clone();
                Disks.Fill(changed.AsSpan(1 << 20, 1 << 20), new Random(nth));
                var incremental = unit.BackupAsync(new MemorySource(changed), first, ExtentSet.Of(new Extent(1 << 20, 1 << 20)));
                try
                {
                    await incremental;
                }
                catch (TroubleException e)
                {
                    Assert.True(faulty.Fired);
                    Assert.Contains("storage unit", e.Trouble.Culprit, StringComparison.Ordinal);
                    Assert.Contains("full", e.Trouble.Message, StringComparison.Ordinal);
                    Assert.True(e.Trouble.Retry);
                }
                if (faulty.Fired) fired++;
                // Whatever failed, what is listed is whole.
                await unit.ReopenAsync();
                var images = (await unit.Unit.ListImagesAsync(default)).Images;
                Assert.InRange(images.Count, 1, 2);
                foreach (var image in images) Assert.Equal(image.Header.Id == first.Header.Id ? disk : changed, await unit.RestoreAsync(image));
                Assert.Empty((await UnitVerify.RunAsync(unit.Unit, unit.Keys, null, default)).Damage);
                var again = await unit.BackupAsync(new MemorySource(changed), first, ExtentSet.Of(new Extent(1 << 20, 1 << 20)));
                Assert.Equal(changed, await unit.RestoreAsync(again));
            }
        }
        Assert.True(fired >= 10, $"only {fired} faults fired");
    }

    [Fact]
    public async Task A_source_that_cannot_be_read_ends_the_upload_and_nobody_reads_on()
    {
        await using var unit = await TestUnit.MakeAsync();
        await using var writer = await unit.Unit.OpenWriterAsync(new WriterScope(unit.Keys.Domain), default);
        using var session = new UploadSession(writer, unit.Keys, unit.Random);
        var source = new BrokenSource(Disks.Make(32 << 20, seed: 2, share: 1), brokenFrom: 9 << 20);
        await Assert.ThrowsAsync<IOException>(() => DiskUpload.RunAsync(session, DiskWork.Full(source), null, default));
        Assert.Equal(0, source.Reading);
    }

    [Fact]
    public async Task Cancelling_ends_an_upload()
    {
        await using var unit = await TestUnit.MakeAsync();
        await using var writer = await unit.Unit.OpenWriterAsync(new WriterScope(unit.Keys.Domain), default);
        using var session = new UploadSession(writer, unit.Keys, unit.Random);
        using var cancel = new CancellationTokenSource();
        var progress = new CancelAt(4 << 20, cancel);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => DiskUpload.RunAsync(session, DiskWork.Full(new MemorySource(Disks.Make(64 << 20, seed: 2, share: 1))), progress, cancel.Token));
        Assert.True(progress.Last < 64 << 20);
    }

    /// <summary>How many calls of each kind the second backup of the test makes.</summary>
    private static async Task<Dictionary<VolumeCall, int>> CountAsync(byte[] disk)
    {
        FaultyVolume counting = null!;
        await using var unit = await TestUnit.MakeAsync(wrap: v => counting = new FaultyVolume(v));
        var first = await unit.BackupAsync(disk);
        counting.Calls.Clear();
        var changed = (byte[])disk.Clone();
        Disks.Fill(changed.AsSpan(1 << 20, 1 << 20), new Random(0));
        await unit.BackupAsync(new MemorySource(changed), first, ExtentSet.Of(new Extent(1 << 20, 1 << 20)));
        return counting.Calls;
    }

    private sealed class BrokenSource(byte[] bytes, long brokenFrom) : IDiskSource
    {
        private int _reading;

        public int Reading => Volatile.Read(ref _reading);

        public long Length => bytes.Length;

        public ExtentSet Data => ExtentSet.Whole(bytes.Length);

        public async ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancel)
        {
            Interlocked.Increment(ref _reading);
            try
            {
                await Task.Yield();
                if (offset + buffer.Length > brokenFrom) throw new IOException("input/output error");
                bytes.AsSpan((int)offset, buffer.Length).CopyTo(buffer.Span);
            }
            finally
            {
                Interlocked.Decrement(ref _reading);
            }
        }

        public ValueTask DisposeAsync() => default;
    }

    private sealed class CancelAt(long at, CancellationTokenSource source) : IProgress<long>
    {
        public long Last { get; private set; }

        public void Report(long value)
        {
            Last = value;
            if (value >= at) source.Cancel();
        }
    }
}
