using Stillpoint.Chunks;

namespace Stillpoint.Cli;

/// <summary>A target that tells how many bytes were written: of a disk that is mostly holes, the part that takes time.</summary>
internal sealed class CountedTarget(IDiskTarget inner, IProgress<long> progress) : IDiskTarget
{
    private long _written;

    public async ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        await inner.WriteAsync(offset, bytes, cancel);
        progress.Report(Interlocked.Add(ref _written, bytes.Length));
    }

    public ValueTask FinishAsync(CancellationToken cancel) => inner.FinishAsync(cancel);

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
