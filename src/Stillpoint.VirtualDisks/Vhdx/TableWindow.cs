using System.Buffers.Binary;

namespace Stillpoint.VirtualDisks;

/// <summary>A piece of a BAT that moves along with a walk over it. Sees no change made after it was read.</summary>
/// <param name="file">The file, as it is once its log is replayed.</param>
/// <param name="start">Where the table lies in it.</param>
/// <param name="entries">How many entries it has.</param>
internal sealed class TableWindow(IDiskFile file, long start, long entries)
{
    private const int Entries = 8192;
    private readonly byte[] _bytes = new byte[(int)Math.Min(Entries, entries) * 8];
    private long _first;
    private long _count;

    internal BatEntry Entry(long index)
    {
        if (index < _first || index >= _first + _count)
        {
            (_first, _count) = (index, Math.Min(_bytes.Length / 8, entries - index));
            file.Read(start + (index * 8), _bytes.AsSpan(0, (int)_count * 8));
        }
        return new(BinaryPrimitives.ReadUInt64LittleEndian(_bytes.AsSpan((int)(index - _first) * 8)));
    }
}
