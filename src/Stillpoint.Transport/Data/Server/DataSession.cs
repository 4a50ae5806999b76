using System.Buffers.Binary;
using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>
/// A session at the media server: what a grant opened, how many frames were taken over, and the answers that must not be worked out twice.
/// Frames are worked on one by one, in their order; a connection that ends in the middle does not stop the frame that is being worked on.
/// </summary>
internal sealed class DataSession(Guid id, Peer peer, byte[] grantBytes, JobGrant grant, IImageReader unit, long opened) : IAsyncDisposable
{
    private const int MaxRemembered = 256;
    private readonly IImageWriter? _writer = unit as IImageWriter;
    private readonly Dictionary<uint, byte[]> _remembered = [];
    private readonly SemaphoreSlim _turn = new(1);
    private readonly CancellationTokenSource _life = new();
    private Action _hangUp = () => { };
    private bool _committed;
    private volatile bool _over;

    internal Guid Id => id;

    internal Peer Peer => peer;

    internal JobGrant Grant => grant;

    internal UnitParameters Unit => unit.Unit;

    /// <summary>Frames taken over.</summary>
    internal long Received { get; private set; }

    /// <summary>True when no connection may take it up any more.</summary>
    internal bool IsOver => _over;

    /// <summary>When its last connection ended, as a timestamp; null while it has one.</summary>
    internal long? IdleSince { get; private set; } = opened;

    /// <summary>True for the client and the very grant that opened it.</summary>
    internal bool Belongs(Peer who, ReadOnlySpan<byte> shown) => who.Name == peer.Name && shown.SequenceEqual(grantBytes);

    /// <summary>Takes the session up for a connection; an older connection of it is ended first.</summary>
    /// <param name="hangUp">Ends the new connection when a still newer one comes.</param>
    /// <param name="cancel">Gives up waiting for the older one.</param>
    internal async Task TakeAsync(Action hangUp, CancellationToken cancel)
    {
        _hangUp();
        await _turn.WaitAsync(cancel);
        _hangUp = hangUp;
        IdleSince = null;
    }

    /// <summary>The connection is over.</summary>
    internal void Leave(long timestamp)
    {
        _hangUp = () => { };
        IdleSince = timestamp;
        _turn.Release();
    }

    /// <summary>Works on one frame and counts it. Answers go to <paramref name="answers"/>; a connection that cannot take them any more does
    /// not undo what was done.</summary>
    /// <exception cref="SessionOverException">A put was refused: the session cannot go on.</exception>
    /// <exception cref="WireException">The frame breaks the rules.</exception>
    internal async ValueTask WorkAsync(Frame frame, OutgoingFrames answers)
    {
        if (_over) throw new SessionOverException(Trouble("The session is over.", "Open another."));
        try
        {
            await (frame.Kind switch
            {
                FrameKind.PutRecord => PutRecordAsync(frame.Body),
                FrameKind.PutNode => PutNodeAsync(frame.Body),
                _ => AnswerAsync(frame, answers),
            });
        }
        catch (Exception e) when (e is not (WireException or OutOfMemoryException or ConnectionGoneException))
        {
            _over = true;
            throw new SessionOverException(AsTrouble(e));
        }
        finally
        {
            Received++;
        }
    }

    /// <summary>Ends the session: it takes no more frames, its connection is cut, what it holds of the unit is let go.</summary>
    public async ValueTask DisposeAsync()
    {
        _over = true;
        await _life.CancelAsync();
        _hangUp();
        await _turn.WaitAsync();
        await unit.DisposeAsync();
        _life.Dispose();
        _turn.Dispose();
    }

    private async ValueTask PutRecordAsync(ReadOnlyMemory<byte> body)
    {
        var record = SealedCodec.ReadRecord(body);
        if (record.PlainLength > unit.Unit.ChunkSize) throw new WireException($"a record of {record.PlainLength} plain bytes; chunks have {unit.Unit.ChunkSize}");
        await Writer().PutRecordAsync(record, _life.Token);
    }

    private async ValueTask PutNodeAsync(ReadOnlyMemory<byte> body)
    {
        if (body.Length <= NodeId.Size) throw new WireException("a node without bytes");
        await Writer().PutNodeAsync(NodeId.Read(body.Span), body[NodeId.Size..], _life.Token);
    }

    private async ValueTask AnswerAsync(Frame frame, OutgoingFrames answers)
    {
        try
        {
            if (_remembered.TryGetValue(frame.Call, out var remembered)) await answers.SendAsync(remembered, _life.Token);
            else await WorkOutAsync(frame, answers);
        }
        catch (TroubleException e)
        {
            await answers.SendAsync(WireFormat.Frame(FrameKind.Failed, frame.Call, WireTrouble.Write(e.Trouble)), _life.Token);
        }
    }

    private async ValueTask WorkOutAsync(Frame frame, OutgoingFrames answers)
    {
        var (call, cancel) = (frame.Call, _life.Token);
        switch (frame.Kind)
        {
            case FrameKind.HasChunks: await answers.SendAsync(FrameKind.Has, call, await HasAsync(frame.Body), cancel); break;
            case FrameKind.Flush: await Writer().FlushAsync(cancel); break;
            case FrameKind.Commit: await answers.SendAsync(Remember(call, await CommitAsync(frame)), cancel); return;
            case FrameKind.PutNote: await PutNoteAsync(frame); break;
            case FrameKind.ListImages:
                foreach (var image in await unit.ListImagesAsync(cancel)) await SendImageAsync(answers, call, image, cancel);
                break;
            case FrameKind.ReadNode: await ReadNodeAsync(frame, answers, cancel); break;
            case FrameKind.ReadRecords:
                foreach (var record in await unit.ReadRecordsAsync(ReadIds(frame.Body, WireFormat.MaxReadBytes / unit.Unit.ChunkSize), cancel))
                {
                    await answers.SendAsync(call, record, cancel);
                }
                break;
            case FrameKind.End: _over = true; break;
            default: throw new WireException($"{frame.Kind} inside a session");
        }
        var done = WireFormat.Frame(FrameKind.Done, call, []);
        await answers.SendAsync(frame.Kind == FrameKind.PutNote ? Remember(call, done) : done, cancel);
    }

    private async Task<byte[]> HasAsync(ReadOnlyMemory<byte> body)
    {
        var has = await Writer().HasChunksAsync(ReadIds(body, WireFormat.MaxIds), _life.Token);
        var bits = new byte[(has.Length + 7) / 8];
        for (var i = 0; i < has.Length; i++)
        {
            if (has[i]) bits[i / 8] |= (byte)(1 << (i % 8));
        }
        return bits;
    }

    /// <summary>One commit a grant, and of the image that the grant names.</summary>
    private async Task<byte[]> CommitAsync(Frame frame)
    {
        var (header, details, sent) = ImageWire.ReadCommit(frame.Body.Span);
        if (header.Id != grant.ImageId || header.VmId != grant.VmId || header.JobId != grant.JobId || header.Domain != grant.Domain)
        {
            throw Refused("The image that it wants to commit is not the one that its job grant names.");
        }
        if (_committed) throw Refused("It has committed the image of this job grant already.");
        var receipt = await Writer().CommitAsync(header, details, sent, _life.Token);
        _committed = true;
        var body = new byte[24];
        receipt.ImageId.TryWriteBytes(body, bigEndian: true, out _);
        BinaryPrimitives.WriteInt64LittleEndian(body.AsSpan(16), receipt.StoredBytes);
        return [.. WireFormat.Frame(FrameKind.Receipt, frame.Call, body), .. WireFormat.Frame(FrameKind.Done, frame.Call, [])];
    }

    /// <summary>A client writes the base note of its own image, and may mark an image of its VM as suspect. What keeps or vouches for an image
    /// is not its to say.</summary>
    private async Task PutNoteAsync(Frame frame)
    {
        var (image, kind, payload) = ImageWire.ReadNote(frame.Body.Span);
        var own = image == grant.ImageId && kind == NoteKind.Base;
        if (!own && kind != NoteKind.Suspect) throw Refused($"A client may not write a note '{Words.Of(kind)}' to image {image:D}.");
        await Writer().PutNoteAsync(image, kind, payload, _life.Token);
    }

    private async Task ReadNodeAsync(Frame frame, OutgoingFrames answers, CancellationToken cancel)
    {
        if (frame.Body.Length != NodeId.Size) throw new WireException("a node id has not 32 bytes");
        var id = NodeId.Read(frame.Body.Span);
        var bytes = await unit.ReadNodeAsync(id, cancel);
        var body = new byte[NodeId.Size + bytes.Length];
        id.Write(body);
        bytes.Span.CopyTo(body.AsSpan(NodeId.Size));
        await answers.SendAsync(FrameKind.Node, frame.Call, body, cancel);
    }

    private static async Task SendImageAsync(OutgoingFrames answers, uint call, StoredImage image, CancellationToken cancel)
    {
        var body = ImageWire.WriteImage(image);
        if (body.Length > WireFormat.MaxImage) throw Damage.Of($"image {image.Header.Id:D}", $"it takes {body.Length} bytes");
        await answers.SendAsync(FrameKind.Image, call, body, cancel);
    }

    private static ChunkId[] ReadIds(ReadOnlyMemory<byte> body, int most)
    {
        var count = body.Length / ChunkId.Size;
        if (body.Length % ChunkId.Size != 0 || count > Math.Max(most, 1)) throw new WireException($"{body.Length} bytes of ids, {most} ids are the most");
        var ids = new ChunkId[count];
        for (var i = 0; i < count; i++) ids[i] = ChunkId.Read(body.Span[(i * ChunkId.Size)..]);
        return ids;
    }

    private byte[] Remember(uint call, byte[] answer)
    {
        if (_remembered.Count == MaxRemembered) throw new WireException($"more than {MaxRemembered} notes in one session");
        _remembered.Add(call, answer);
        return answer;
    }

    private IImageWriter Writer() => _writer ?? throw Refused("Its job grant allows reading only.");

    private TroubleException Refused(string message) =>
        new($"client {peer.Name}", message, "Look at the audit log: a client that asks for this is out of order.");

    private Trouble Trouble(string message, string next) => new(null, $"client {peer.Name}", message, next, true);

    private static Trouble AsTrouble(Exception e) => e switch
    {
        TroubleException trouble => trouble.Trouble,
        OperationCanceledException => new Trouble(null, "media server", "The session was ended.", "Run the job again.", true),
        _ => new Trouble(null, "storage unit", $"It could not take the data: {e.Message}", "Look at the media server's log and at the unit's volume.", e is IOException),
    };
}
