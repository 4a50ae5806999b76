using Stillpoint.Extents;

namespace Stillpoint.Chunks;

/// <summary>
/// Brings a disk to what a stream of an image holds, in place: each chunk of the disk is read and its id compared with the image's, and only
/// chunks that differ travel and are written. Nothing is believed about what changed meanwhile: what is right after it does not hang on change tracking.
/// </summary>
public static class DiskPatch
{
    private const int BatchBytes = 2 << 20;

    /// <summary>Patches the target and makes it durable.</summary>
    /// <param name="reader">A session that can read the image.</param>
    /// <param name="keys">Keys of its domain.</param>
    /// <param name="stream">The stream; the target is of its length.</param>
    /// <param name="target">The disk.</param>
    /// <param name="progress">Bytes of the stream that are done, up to its length.</param>
    /// <param name="cancel">Ends the work; the disk then holds some chunks of each.</param>
    /// <exception cref="Model.TroubleException">A node or chunk is missing or damaged. The disk then holds some chunks of each.</exception>
    public static async Task<PatchResult> RunAsync(
        IImageReader reader, DomainKeys keys, StreamHeader stream, IDiskPatchTarget target, IProgress<long>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(reader);
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(target);
        if (target.Length != stream.Length) throw new ArgumentException($"the disk has {target.Length} bytes, the stream {stream.Length}", nameof(target));
        var shape = TreeShape.Checked(stream.Length, reader.Unit.ChunkSize);
        using var opener = new RecordOpener(keys);
        var patch = new Patch(reader, keys, opener, shape, target, cancel);
        var next = 0L;
        await foreach (var chunk in new TreeReader(reader, shape, stream.Root).ChunksAsync(cancel))
        {
            await patch.ZeroAsync(next, chunk.Number);
            await patch.CompareAsync(chunk);
            next = chunk.Number + 1;
            progress?.Report(Math.Min(stream.Length, next * shape.ChunkSize));
        }
        await patch.ZeroAsync(next, shape.ChunkCount);
        await patch.WriteAsync();
        await target.FinishAsync(cancel);
        progress?.Report(stream.Length);
        return new PatchResult(patch.Compared, patch.Written);
    }

    private sealed class Patch(
        IImageReader reader, DomainKeys keys, RecordOpener opener, TreeShape shape, IDiskPatchTarget target, CancellationToken cancel)
    {
        private readonly byte[] _chunk = new byte[shape.ChunkSize];
        private readonly List<ChunkAt> _differs = [];
        private readonly Memory<byte> _buffer = PageBuffer.Allocate(BatchBytes);
        private readonly ExtentSet _data = target.Data.AlignOut(shape.ChunkSize, shape.Length);

        public long Compared { get; private set; }

        public long Written { get; private set; }

        /// <summary>Chunks that are zero in the image: what the disk has there goes.</summary>
        public async ValueTask ZeroAsync(long from, long until)
        {
            if (from >= until) return;
            var gap = Extent.FromBounds(from * shape.ChunkSize, Math.Min(shape.Length, until * shape.ChunkSize));
            foreach (var run in _data.Intersect(ExtentSet.Of(gap)))
            {
                for (var at = run.Offset; at < run.End; at += shape.ChunkSize)
                {
                    var bytes = await ReadAsync(at / shape.ChunkSize);
                    if (!bytes.Span.ContainsAnyExcept((byte)0)) continue;
                    await target.ZeroAsync(new Extent(at, bytes.Length), cancel);
                    Written += bytes.Length;
                }
            }
        }

        /// <summary>A chunk that the image has: it is written when the disk's differs.</summary>
        public async ValueTask CompareAsync(ChunkAt chunk)
        {
            if (_data.Contains(chunk.Number * shape.ChunkSize))
            {
                var bytes = await ReadAsync(chunk.Number);
                if (bytes.Span.ContainsAnyExcept((byte)0) && keys.IdOf(bytes.Span) == chunk.Id) return;
            }
            _differs.Add(chunk);
            if (_differs.Count * (long)shape.ChunkSize >= BatchBytes) await WriteAsync();
        }

        public async ValueTask WriteAsync()
        {
            if (_differs.Count == 0) return;
            Written += (await DownloadBatch.RunAsync(reader, opener, shape, [.. _differs], target, _buffer, cancel)).BytesWritten;
            _differs.Clear();
        }

        private async ValueTask<Memory<byte>> ReadAsync(long chunk)
        {
            var bytes = _chunk.AsMemory(0, shape.LengthOf(chunk));
            await target.ReadAsync(chunk * shape.ChunkSize, bytes, cancel);
            Compared += bytes.Length;
            return bytes;
        }
    }
}
