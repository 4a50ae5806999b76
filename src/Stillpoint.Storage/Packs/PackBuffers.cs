using System.Collections.Concurrent;
using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>The buffers that a session's packs are written through, used again from pack to pack. Safe for use from several threads.</summary>
internal sealed class PackBuffers
{
    /// <summary>Bytes of a buffer: enough for a disk to be at full speed.</summary>
    public const int Bytes = 1 << 20;

    private readonly ConcurrentBag<Memory<byte>> _free = [];

    public Memory<byte> Rent() => _free.TryTake(out var free) ? free : PageBuffer.Allocate(Bytes);

    public void Return(Memory<byte> buffer) => _free.Add(buffer);
}
