namespace Stillpoint.Chunks;

/// <summary>What all batches of a stream share.</summary>
internal sealed record UploadLine(UploadSession Session, IDiskSource Source, TreeShape Shape, NodeReadAhead ReadAhead);

/// <summary>A part of a disk on its way: read, cut, named and, where the unit lacks it, sealed.</summary>
/// <param name="Chunks">Numbers and ids, ascending; runs of zeros known without a read are in <paramref name="Zeros"/>.</param>
/// <param name="Records">The records to put.</param>
/// <param name="Zeros">Pieces that are zero.</param>
/// <param name="BytesRead">Bytes read.</param>
/// <param name="BytesSent">Plain size of the records' chunks.</param>
internal sealed record UploadBatch(
    IReadOnlyList<ChunkAt> Chunks, IReadOnlyList<SealedRecord> Records, IReadOnlyList<UploadPiece> Zeros, long BytesRead, long BytesSent)
{
    /// <summary>Does the work on the calling thread, but for the waits. <paramref name="buffer"/> is free again when this returns.</summary>
    public static async Task<UploadBatch> MakeAsync(UploadLine line, UploadPart part, Memory<byte> buffer, CancellationToken cancel)
    {
        var (session, source, shape, readAhead) = line;
        var warm = readAhead.WarmAsync(part, cancel);
        try
        {
            return await MakeAsync(session, source, shape, part, buffer, cancel);
        }
        finally
        {
            // What it could not read the editor will ask for again, and tell.
            await warm.ContinueWith(static t => _ = t.Exception, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }
    }

    private static async Task<UploadBatch> MakeAsync(
        UploadSession session, IDiskSource source, TreeShape shape, UploadPart part, Memory<byte> buffer, CancellationToken cancel)
    {
        var chunks = new List<ChunkAt>();
        var zeros = new List<UploadPiece>();
        var places = new List<Place>();
        long bytesRead = 0, bytesSent = 0;
        var used = 0;
        foreach (var piece in part.Pieces)
        {
            if (piece.Zero)
            {
                zeros.Add(piece);
                continue;
            }
            var size = checked((int)(Math.Min(shape.Length, (piece.FirstChunk + piece.Count) * shape.ChunkSize) - piece.FirstChunk * shape.ChunkSize));
            await source.ReadAsync(piece.FirstChunk * shape.ChunkSize, buffer.Slice(used, size), cancel);
            bytesRead += size;
            for (var i = 0; i < piece.Count; i++)
                Name(session, buffer, new Place(used + i * shape.ChunkSize, shape.LengthOf(piece.FirstChunk + i), default), piece.FirstChunk + i, chunks, places);
            used += size;
        }

        var records = new List<SealedRecord>();
        if (places.Count > 0)
        {
            var there = await session.Writer.HasChunksAsync(places.ConvertAll(p => p.Id), cancel);
            for (var i = 0; i < places.Count; i++)
            {
                var place = places[i];
                if (there[i])
                {
                    session.InFlight.TryRemove(place.Id, out _);
                    continue;
                }
                cancel.ThrowIfCancellationRequested();
                records.Add(session.Sealer.Seal(place.Id, buffer.Span.Slice(place.Start, place.Length)));
                bytesSent += place.Length;
            }
        }
        return new UploadBatch(chunks, records, zeros, bytesRead, bytesSent);
    }

    private static void Name(UploadSession session, Memory<byte> buffer, Place place, long number, List<ChunkAt> chunks, List<Place> places)
    {
        var plain = buffer.Span.Slice(place.Start, place.Length);
        if (!plain.ContainsAnyExcept((byte)0))
        {
            chunks.Add(new ChunkAt(number, default));
            return;
        }
        var id = session.Keys.IdOf(plain);
        chunks.Add(new ChunkAt(number, id));
        // Claimed before the unit is asked: what another batch put in between is then in the unit's answer.
        if (session.InFlight.TryAdd(id, 0)) places.Add(place with { Id = id });
    }

    private readonly record struct Place(int Start, int Length, ChunkId Id);
}
