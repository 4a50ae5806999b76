using Stillpoint.Extents;

namespace Stillpoint.Chunks;

/// <summary>A run of chunks that are read together, or known to be zero without a read.</summary>
internal readonly record struct UploadPiece(long FirstChunk, int Count, bool Zero);

/// <summary>Some pieces, ascending, whose bytes to read fit one buffer.</summary>
internal sealed record UploadPart(IReadOnlyList<UploadPiece> Pieces, long Bytes);

/// <summary>Which chunks an upload looks at, in order.</summary>
internal sealed class UploadPlan
{
    private const int ZeroRun = 1 << 20;

    private readonly TreeShape _shape;
    private readonly ExtentSet _read;
    private readonly ExtentSet _zero;

    public UploadPlan(DiskWork work, TreeShape shape)
    {
        _shape = shape;
        var holding = Clip(work.Source.Data);
        var data = holding.AlignOut(shape.ChunkSize, shape.Length);
        if (work.Changed is null)
        {
            // The tree starts as all zeros, so what holds no data needs no entry.
            _read = data;
            _zero = ExtentSet.Empty;
            BytesChanged = holding.TotalLength;
            return;
        }
        if (work.Changed.End > shape.Length)
            throw new ArgumentException($"a changed range ends at {work.Changed.End}, past the disk's {shape.Length} bytes", nameof(work));
        var changed = work.Changed.AlignOut(shape.ChunkSize, shape.Length);
        _read = changed.Intersect(data);
        _zero = changed.Subtract(data);
        BytesChanged = work.Changed.TotalLength;
    }

    /// <summary>Bytes that the source or the caller calls changed.</summary>
    public long BytesChanged { get; }

    /// <summary>Bytes that will be read: whole chunks.</summary>
    public long BytesToRead => _read.TotalLength;

    /// <summary>The parts, ascending.</summary>
    public IEnumerable<UploadPart> Parts(int bufferBytes)
    {
        var pieces = new List<UploadPiece>();
        var bytes = 0L;
        foreach (var piece in Pieces(Math.Max(1, bufferBytes / _shape.ChunkSize)))
        {
            var size = piece.Zero ? 0 : (long)piece.Count * _shape.ChunkSize;
            if (bytes + size > bufferBytes || pieces.Count == 1024)
            {
                yield return new UploadPart(pieces, bytes);
                (pieces, bytes) = ([], 0);
            }
            pieces.Add(piece);
            bytes += size;
        }
        if (pieces.Count > 0) yield return new UploadPart(pieces, bytes);
    }

    private IEnumerable<UploadPiece> Pieces(int mostToRead)
    {
        int i = 0, j = 0;
        while (i < _read.Count || j < _zero.Count)
        {
            var zero = i == _read.Count || (j < _zero.Count && _zero[j].Offset < _read[i].Offset);
            var run = zero ? _zero[j++] : _read[i++];
            var end = new TreeShape(run.End, _shape.ChunkSize).ChunkCount;
            var most = zero ? ZeroRun : mostToRead;
            for (var chunk = run.Offset / _shape.ChunkSize; chunk < end; chunk += most)
                yield return new UploadPiece(chunk, (int)Math.Min(most, end - chunk), zero);
        }
    }

    private ExtentSet Clip(ExtentSet set) => set.End <= _shape.Length ? set : set.Intersect(ExtentSet.Whole(_shape.Length));
}
