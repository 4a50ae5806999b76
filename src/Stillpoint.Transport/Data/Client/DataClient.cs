using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>
/// A session with a storage unit through a media server. Puts return when there is room for the next one; questions go out at once, several
/// at a time, and their answers come as they are ready. A connection that breaks is opened again and the session goes on where the media
/// server says, for as long as <see cref="DataClientOptions.ResumeFor"/> allows; nothing is lost or doubled. When that does not succeed,
/// every call fails with the same <see cref="TroubleException"/>. Safe for several threads; the order of puts is the order of the calls.
/// </summary>
public sealed class DataClient : IImageWriter
{
    private readonly SessionLoop _session;

    private DataClient(SessionLoop session) => _session = session;

    /// <inheritdoc/>
    public UnitParameters Unit => _session.Unit;

    /// <summary>How often the connection broke and the session went on.</summary>
    public int Resumptions => _session.Resumptions;

    /// <summary>Opens a session.</summary>
    /// <param name="data">Where, and by what right.</param>
    /// <param name="identity">Who we are.</param>
    /// <param name="options">Patience.</param>
    /// <param name="time">What waits are measured with.</param>
    /// <param name="jitter">Spreads attempts of several hosts.</param>
    /// <param name="cancel">Gives up opening.</param>
    /// <exception cref="TroubleException">The media server cannot be reached or refuses; Retry says whether it may be otherwise later.</exception>
    public static async Task<DataClient> OpenAsync(
        DataAccess data, RoleIdentity identity, DataClientOptions options, TimeProvider time, Random jitter, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(options);
        var session = new SessionLoop(data, identity, options, time, jitter);
        await session.OpenAsync(cancel);
        return new DataClient(session);
    }

    /// <inheritdoc/>
    public async Task<bool[]> HasChunksAsync(IReadOnlyList<ChunkId> ids, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(ids);
        if (ids.Count == 0) return [];
        var answer = new bool[ids.Count];
        var asked = new List<(int Start, int Count, Task<List<byte[]>> Answer)>();
        for (var start = 0; start < ids.Count; start += WireFormat.MaxIds)
        {
            var count = Math.Min(WireFormat.MaxIds, ids.Count - start);
            asked.Add((start, count, _session.AskAsync(FrameKind.HasChunks, Ids(ids, start, count), FrameKind.Has, 1, cancel)));
        }
        foreach (var (start, count, task) in asked)
        {
            var bits = Single(await task);
            if (bits.Length != (count + 7) / 8) throw Garbled();
            for (var i = 0; i < count; i++) answer[start + i] = (bits[i / 8] & (1 << (i % 8))) != 0;
        }
        return answer;
    }

    /// <inheritdoc/>
    public ValueTask PutRecordAsync(SealedRecord record, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(record);
        var body = SealedCodec.RecordPrefixSize + record.Bytes.Length;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(body, WireFormat.MaxBody(FrameKind.PutRecord));
        var length = WireFormat.HeaderSize + body;
        var buffer = ArrayPool<byte>.Shared.Rent(length);
        WireFormat.WriteHeader(buffer, FrameKind.PutRecord, 0, body);
        SealedCodec.WritePrefix(record, buffer.AsSpan(WireFormat.HeaderSize));
        record.Bytes.Span.CopyTo(buffer.AsSpan(WireFormat.HeaderSize + SealedCodec.RecordPrefixSize));
        return _session.PutAsync(new Message(buffer, length, Pooled: true), cancel);
    }

    /// <inheritdoc/>
    public ValueTask PutNodeAsync(NodeId id, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes.Length, WireFormat.MaxNode);
        var body = NodeId.Size + bytes.Length;
        var length = WireFormat.HeaderSize + body;
        var buffer = ArrayPool<byte>.Shared.Rent(length);
        WireFormat.WriteHeader(buffer, FrameKind.PutNode, 0, body);
        id.Write(buffer.AsSpan(WireFormat.HeaderSize));
        bytes.Span.CopyTo(buffer.AsSpan(WireFormat.HeaderSize + NodeId.Size));
        return _session.PutAsync(new Message(buffer, length, Pooled: true), cancel);
    }

    /// <inheritdoc/>
    public async Task FlushAsync(CancellationToken cancel) => None(await _session.AskAsync(FrameKind.Flush, [], FrameKind.Done, 0, cancel));

    /// <inheritdoc/>
    public async Task<ImageReceipt> CommitAsync(ImageHeader header, SealedBlob details, SentTotals sent, CancellationToken cancel)
    {
        var body = ImageWire.WriteCommit(header, details, sent);
        if (body.Length > WireFormat.MaxImage)
        {
            throw new TroubleException("image details", string.Create(CultureInfo.InvariantCulture, $"They take {body.Length} bytes, {WireFormat.MaxImage} is the most."),
                "Back the VM up in full: the list of changed ranges is too long.");
        }
        var receipt = Single(await _session.AskAsync(FrameKind.Commit, body, FrameKind.Receipt, 1, cancel));
        if (receipt.Length != 24) throw Garbled();
        return new ImageReceipt(new Guid(receipt.AsSpan(0, 16), bigEndian: true), BinaryPrimitives.ReadInt64LittleEndian(receipt.AsSpan(16)));
    }

    /// <inheritdoc/>
    public async Task PutNoteAsync(Guid imageId, NoteKind kind, SealedBlob payload, CancellationToken cancel) =>
        None(await _session.AskAsync(FrameKind.PutNote, ImageWire.WriteNote(imageId, kind, payload), FrameKind.Done, 0, cancel));

    /// <inheritdoc/>
    public async Task<IReadOnlyList<StoredImage>> ListImagesAsync(CancellationToken cancel)
    {
        var images = await _session.AskAsync(FrameKind.ListImages, [], FrameKind.Image, 1 << 20, cancel);
        return images.ConvertAll(image => Decode(() => ImageWire.ReadImage(image)));
    }

    /// <inheritdoc/>
    public async ValueTask<ReadOnlyMemory<byte>> ReadNodeAsync(NodeId id, CancellationToken cancel)
    {
        var body = new byte[NodeId.Size];
        id.Write(body);
        var node = Single(await _session.AskAsync(FrameKind.ReadNode, body, FrameKind.Node, 1, cancel));
        if (node.Length < NodeId.Size || NodeId.Read(node) != id) throw Garbled();
        // The contract promises bytes that were checked, and this side trusts no media server.
        if (NodeId.Read(System.Security.Cryptography.SHA256.HashData(node.AsSpan(NodeId.Size))) != id) throw Garbled();
        return node.AsMemory(NodeId.Size);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<SealedRecord>> ReadRecordsAsync(IReadOnlyList<ChunkId> ids, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(ids);
        var step = Math.Clamp(WireFormat.MaxReadBytes / Unit.ChunkSize, 1, WireFormat.MaxIds);
        var asked = new List<Task<List<byte[]>>>();
        for (var start = 0; start < ids.Count; start += step)
        {
            var count = Math.Min(step, ids.Count - start);
            asked.Add(_session.AskAsync(FrameKind.ReadRecords, Ids(ids, start, count), FrameKind.Record, count, cancel));
        }
        var records = new List<SealedRecord>(ids.Count);
        foreach (var task in asked)
        {
            foreach (var body in await task)
            {
                var record = Decode(() => SealedCodec.ReadRecord(body));
                if (records.Count == ids.Count || record.Id != ids[records.Count]) throw Garbled();
                records.Add(record);
            }
        }
        return records.Count == ids.Count ? records : throw Garbled();
    }

    /// <summary>Ends the session. Without a commit before, what was put stays unseen by every image.</summary>
    public ValueTask DisposeAsync() => _session.DisposeAsync();

    private static byte[] Ids(IReadOnlyList<ChunkId> ids, int start, int count)
    {
        var body = new byte[count * ChunkId.Size];
        for (var i = 0; i < count; i++) ids[start + i].Write(body.AsSpan(i * ChunkId.Size));
        return body;
    }

    private byte[] Single(List<byte[]> parts) => parts.Count == 1 ? parts[0] : throw Garbled();

    private void None(List<byte[]> parts)
    {
        if (parts.Count != 0) throw Garbled();
    }

    private T Decode<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is TroubleException or OverflowException)
        {
            throw Garbled(e);
        }
    }

    private TroubleException Garbled(Exception? inner = null) => new(
        _session.Culprit, "An answer is not what was asked for.", "Verify the storage unit, and check that both sides have the same version.", inner: inner);
}
