using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

namespace Stillpoint.Chunks;

/// <summary>
/// Uploads one stream: read → cut → name → ask what is there → compress and seal what is not → put, in the disk's order → tree. Batches
/// of 2 MiB are worked on by all cores at once; records and chunk numbers leave in order; what is in flight is bounded, so a slow unit
/// slows the reading.
/// </summary>
public static class DiskUpload
{
    private const int BatchBytes = 2 << 20;

    /// <summary>Uploads a stream and returns its header with its figures, of which none counts the audit.</summary>
    /// <param name="session">The image's session.</param>
    /// <param name="work">What to upload.</param>
    /// <param name="progress">Bytes read so far for this stream, out of what <see cref="BytesToRead"/> says.</param>
    /// <param name="cancel">Ends the work; what was put stays unseen.</param>
    /// <exception cref="Model.TroubleException">The unit refuses or is damaged.</exception>
    /// <exception cref="IOException">The source cannot be read.</exception>
    public static async Task<StreamHeader> RunAsync(UploadSession session, DiskWork work, IProgress<long>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(work);
        var shape = TreeShape.Checked(work.Source.Length, session.Writer.Unit.ChunkSize);
        var plan = new UploadPlan(work, shape);
        var baseRoot = work.Changed is null ? default : work.BaseRoot;
        var readAhead = new NodeReadAhead(session.Writer, shape, baseRoot);
        var editor = new TreeEditor(session.Writer, shape, baseRoot, readAhead);
        var figures = new Figures(session, editor);

        await foreach (var batch in BatchesAsync(new UploadLine(session, work.Source, shape, readAhead), plan, cancel))
        {
            await figures.PutAsync(batch, cancel);
            progress?.Report(figures.BytesRead);
        }
        var root = await editor.FinishAsync(cancel);
        var stored = figures.BytesWire + figures.Records * StoreFormat.RecordOverhead + editor.Put.Bytes + editor.Put.Count * StoreFormat.RecordOverhead;
        return new StreamHeader(
            work.Kind, shape.Length, root, plan.BytesChanged, figures.BytesRead, BytesAudited: 0, figures.BytesSent, figures.BytesWire, stored);
    }

    /// <summary>Bytes that an upload will read: what progress counts up to.</summary>
    public static long BytesToRead(DiskWork work, UnitParameters unit)
    {
        ArgumentNullException.ThrowIfNull(work);
        ArgumentNullException.ThrowIfNull(unit);
        return new UploadPlan(work, TreeShape.Checked(work.Source.Length, unit.ChunkSize)).BytesToRead;
    }

    private static async IAsyncEnumerable<UploadBatch> BatchesAsync(
        UploadLine line, UploadPlan plan, [EnumeratorCancellation] CancellationToken cancel)
    {
        // Beyond one batch a core, some wait for the unit's answer or for their turn.
        var most = Math.Min(Environment.ProcessorCount + 4, 32);
        var pending = new Queue<Task<UploadBatch>>();
        var buffers = new ConcurrentBag<Memory<byte>>();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        try
        {
            foreach (var part in plan.Parts(BatchBytes))
            {
                if (pending.Count == most) yield return await pending.Dequeue();
                pending.Enqueue(Task.Run(
                    async () =>
                    {
                        var buffer = buffers.TryTake(out var free) ? free : PageBuffer.Allocate(BatchBytes);
                        var batch = await UploadBatch.MakeAsync(line, part, buffer, stop.Token);
                        buffers.Add(buffer);
                        return batch;
                    },
                    stop.Token));
            }
            while (pending.Count > 0) yield return await pending.Dequeue();
        }
        finally
        {
            // The source may be closed when this returns, so nobody may still be reading it.
            await stop.CancelAsync();
            await Task.WhenAll(pending).ContinueWith(static t => _ = t.Exception, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }
    }

    /// <summary>Puts batches in order and counts.</summary>
    private sealed class Figures(UploadSession session, TreeEditor editor)
    {
        public long BytesRead { get; private set; }

        public long BytesSent { get; private set; }

        public long BytesWire { get; private set; }

        public long Records { get; private set; }

        public async ValueTask PutAsync(UploadBatch batch, CancellationToken cancel)
        {
            foreach (var record in batch.Records)
            {
                session.Counter.Add(record);
                await session.Writer.PutRecordAsync(record, cancel);
                session.InFlight.TryRemove(record.Id, out _);
                BytesWire += record.Bytes.Length;
            }
            Records += batch.Records.Count;
            BytesRead += batch.BytesRead;
            BytesSent += batch.BytesSent;
            var zeros = 0;
            foreach (var chunk in batch.Chunks)
            {
                for (; zeros < batch.Zeros.Count && batch.Zeros[zeros].FirstChunk < chunk.Number; zeros++) await ClearAsync(batch.Zeros[zeros], cancel);
                await editor.SetAsync(chunk.Number, chunk.Id, cancel);
            }
            for (; zeros < batch.Zeros.Count; zeros++) await ClearAsync(batch.Zeros[zeros], cancel);
        }

        private async ValueTask ClearAsync(UploadPiece piece, CancellationToken cancel)
        {
            for (var i = 0; i < piece.Count; i++) await editor.SetAsync(piece.FirstChunk + i, default, cancel);
        }
    }
}
