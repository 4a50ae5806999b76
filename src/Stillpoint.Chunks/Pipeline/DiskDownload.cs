using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

namespace Stillpoint.Chunks;

/// <summary>
/// Restores one stream: tree → records → decrypt under the id → write. Runs of zeros are neither read nor written. Batches are worked on
/// by all cores at once and written in whichever order they get ready; what is in flight is bounded.
/// </summary>
public static class DiskDownload
{
    private const int BatchBytes = 2 << 20;

    /// <summary>Writes the stream into <paramref name="target"/> and makes it durable.</summary>
    /// <param name="reader">A session that can read the image.</param>
    /// <param name="opener">Opens the domain's records.</param>
    /// <param name="stream">The stream.</param>
    /// <param name="target">A fresh target of at least the stream's length.</param>
    /// <param name="progress">Bytes of the stream passed so far, zeros included, up to its length.</param>
    /// <param name="cancel">Ends the work.</param>
    /// <returns>Bytes written: the plain size of the chunks that are not zero.</returns>
    /// <exception cref="Model.TroubleException">A node or chunk is missing or damaged. What was written is not to be used.</exception>
    public static async Task<long> RunAsync(
        IImageReader reader, RecordOpener opener, StreamHeader stream, IDiskTarget target, IProgress<long>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(reader);
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(target);
        var shape = TreeShape.Checked(stream.Length, reader.Unit.ChunkSize);
        var most = Math.Min(Environment.ProcessorCount + 4, 32);
        var pending = new Queue<Task<DownloadBatch>>();
        var buffers = new ConcurrentBag<Memory<byte>>();
        var written = 0L;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        try
        {
            await foreach (var chunks in GroupsAsync(new TreeReader(reader, shape, stream.Root), BatchBytes / shape.ChunkSize, stop.Token))
            {
                if (pending.Count == most) await TakeAsync();
                pending.Enqueue(Task.Run(
                    async () =>
                    {
                        var buffer = buffers.TryTake(out var free) ? free : PageBuffer.Allocate(BatchBytes);
                        var batch = await DownloadBatch.RunAsync(reader, opener, shape, chunks, target, buffer, stop.Token);
                        buffers.Add(buffer);
                        return batch;
                    },
                    stop.Token));
            }
            while (pending.Count > 0) await TakeAsync();
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(pending).ContinueWith(static t => _ = t.Exception, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }
        await target.FinishAsync(cancel);
        progress?.Report(stream.Length);
        return written;

        async Task TakeAsync()
        {
            var batch = await pending.Dequeue();
            written += batch.BytesWritten;
            progress?.Report(batch.End);
        }
    }

    /// <summary>Plain bytes of the stream's chunks that are not zero: what <see cref="RunAsync"/> writes. Reads the tree, which takes a small part
    /// of the time that the data does.</summary>
    /// <exception cref="Model.TroubleException">A node is missing or damaged.</exception>
    public static async Task<long> DataBytesAsync(IImageReader reader, StreamHeader stream, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(reader);
        ArgumentNullException.ThrowIfNull(stream);
        var shape = TreeShape.Checked(stream.Length, reader.Unit.ChunkSize);
        var bytes = 0L;
        await foreach (var chunk in new TreeReader(reader, shape, stream.Root).ChunksAsync(cancel)) bytes += shape.LengthOf(chunk.Number);
        return bytes;
    }

    private static async IAsyncEnumerable<List<ChunkAt>> GroupsAsync(TreeReader tree, int size, [EnumeratorCancellation] CancellationToken cancel)
    {
        var group = new List<ChunkAt>(size);
        await foreach (var chunk in tree.ChunksAsync(cancel))
        {
            group.Add(chunk);
            if (group.Count < size) continue;
            yield return group;
            group = new List<ChunkAt>(size);
        }
        if (group.Count > 0) yield return group;
    }
}
