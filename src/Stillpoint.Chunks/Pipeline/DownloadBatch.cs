using Stillpoint.Model;

namespace Stillpoint.Chunks;

/// <summary>Some chunks on their way to a target.</summary>
/// <param name="BytesWritten">Bytes written.</param>
/// <param name="End">First byte after the last chunk.</param>
internal sealed record DownloadBatch(long BytesWritten, long End)
{
    /// <summary>Reads, opens and writes chunks that fit <paramref name="buffer"/>; neighbours leave in one write.</summary>
    /// <exception cref="TroubleException">A chunk is missing or damaged: the bytes of the stream that it holds are named.</exception>
    public static async Task<DownloadBatch> RunAsync(
        IImageReader reader, RecordOpener opener, TreeShape shape, List<ChunkAt> chunks, IDiskTarget target, Memory<byte> buffer, CancellationToken cancel)
    {
        try
        {
            return await MoveAsync(reader, opener, shape, chunks, target, buffer, cancel);
        }
        catch (TroubleException failure) when (chunks.FindIndex(c => failure.Trouble.Culprit == $"chunk {c.Id}") is var found and >= 0)
        {
            // Whoever looks for what is lost needs the place on the disk. The unit that found the damage knows the chunk only.
            var first = chunks[found].Number * shape.ChunkSize;
            var last = first + shape.LengthOf(chunks[found].Number) - 1;
            throw new TroubleException(failure.Trouble with { Message = $"{failure.Trouble.Message} It holds the bytes {first} to {last}." }, failure);
        }
    }

    private static async Task<DownloadBatch> MoveAsync(
        IImageReader reader, RecordOpener opener, TreeShape shape, List<ChunkAt> chunks, IDiskTarget target, Memory<byte> buffer, CancellationToken cancel)
    {
        var records = await reader.ReadRecordsAsync(chunks.ConvertAll(c => c.Id), cancel);
        if (records.Count != chunks.Count) throw Damage.Of("the answer of a storage unit", $"{records.Count} records came for {chunks.Count}");
        int runStart = 0, used = 0;
        long runOffset = 0, total = 0;
        for (var i = 0; i < chunks.Count; i++)
        {
            var offset = chunks[i].Number * shape.ChunkSize;
            if (offset != runOffset + (used - runStart))
            {
                await WriteAsync();
                runOffset = offset;
            }
            var length = shape.LengthOf(chunks[i].Number);
            cancel.ThrowIfCancellationRequested();
            opener.Open(records[i], chunks[i].Id, buffer.Span.Slice(used, length));
            used += length;
        }
        await WriteAsync();
        return new DownloadBatch(total, chunks.Count == 0 ? 0 : chunks[^1].Number * shape.ChunkSize + shape.LengthOf(chunks[^1].Number));

        async ValueTask WriteAsync()
        {
            if (used == runStart) return;
            await target.WriteAsync(runOffset, buffer[runStart..used], cancel);
            total += used - runStart;
            runStart = used;
        }
    }
}
