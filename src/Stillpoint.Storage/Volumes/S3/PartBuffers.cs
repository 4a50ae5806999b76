using System.Collections.Concurrent;

namespace Stillpoint.Storage;

/// <summary>Buffers of one part each, used again and again, and how many parts may be on their way at once: so that the memory of uploads
/// is bounded whatever number of objects is being written.</summary>
internal sealed class PartBuffers : IDisposable
{
    /// <summary>Bytes of a part; Amazon S3 takes no less than 5 MiB but for the last.</summary>
    public const int PartBytes = 8 << 20;

    private const int AtOnce = 4;

    private readonly ConcurrentBag<byte[]> _free = [];

    public SemaphoreSlim Turns { get; } = new(AtOnce);

    public byte[] Rent() => _free.TryTake(out var buffer) ? buffer : GC.AllocateUninitializedArray<byte>(PartBytes);

    public void Return(byte[] buffer)
    {
        if (_free.Count < AtOnce) _free.Add(buffer);
    }

    public void Dispose() => Turns.Dispose();
}
