using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Net.Sockets;
using System.Threading.Channels;
using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>The client's side of a session: its frames and open questions, and the loop that keeps a connection under them.</summary>
internal sealed class SessionLoop(DataAccess data, RoleIdentity identity, DataClientOptions options, TimeProvider time, Random jitter)
    : IAsyncDisposable
{
    private static readonly TimeSpan s_goodbye = TimeSpan.FromSeconds(5);
    private readonly Channel<bool> _work = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly SortedDictionary<uint, PendingCall> _calls = [];
    private readonly Lock _sync = new();
    private readonly CancellationTokenSource _stop = new();
    private MessageLog _log = new(0);
    private Guid _id;
    private uint _lastCall;
    private Exception? _fault;
    private Task _running = Task.CompletedTask;
    private volatile bool _speak;
    private int _disposed;

    internal UnitParameters Unit { get; private set; } = new(default, 0, 0, 0);

    internal int Resumptions { get; private set; }

    internal string Culprit { get; } = $"media server {data.MediaAddress}";

    internal async Task OpenAsync(CancellationToken cancel)
    {
        var link = await DataLink.ConnectAsync(data.MediaAddress, identity, options.ConnectWithin, time, cancel);
        try
        {
            ReadOpened(await AskAsync(link, FrameKind.Open, data.Grant, cancel));
        }
        catch
        {
            link.Dispose();
            throw;
        }
        _running = Task.Run(() => KeepAsync(link), CancellationToken.None);
    }

    internal ValueTask PutAsync(Message message, CancellationToken cancel)
    {
        Task room;
        try
        {
            (_, room) = _log.Add(message);
        }
        catch (TroubleException e)
        {
            return ValueTask.FromException(e);
        }
        _work.Writer.TryWrite(true);
        return room.IsCompletedSuccessfully ? ValueTask.CompletedTask : new ValueTask(room.WaitAsync(cancel));
    }

    internal Task<List<byte[]>> AskAsync(FrameKind kind, ReadOnlySpan<byte> body, FrameKind part, int most, CancellationToken cancel)
    {
        PendingCall call;
        lock (_sync)
        {
            if (_fault is not null) return Task.FromException<List<byte[]>>(_fault);
            call = new PendingCall(++_lastCall, WireFormat.Frame(kind, _lastCall, body), part, most);
            _calls.Add(call.Id, call);
            // Room is for the puts: a question is small, and an answer is what makes room.
            (call.Number, _) = _log.Add(new Message(call.Message, call.Message.Length, Pooled: false));
        }
        _work.Writer.TryWrite(true);
        return call.Answer.WaitAsync(cancel);
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        if (_fault is null)
        {
            try
            {
                using var patience = new CancellationTokenSource(s_goodbye, time);
                await AskAsync(FrameKind.End, [], FrameKind.Done, 0, patience.Token);
            }
            catch (Exception e) when (e is TroubleException or OperationCanceledException)
            {
                // The media server ends the session by itself after a while.
            }
        }
        await _stop.CancelAsync();
        await _running;
        Fail(new TroubleException(Culprit, "The session was closed.", "Open another."));
        _stop.Dispose();
    }

    /// <summary>One connection after the other, until the session is over.</summary>
    private async Task KeepAsync(DataLink first)
    {
        var link = first;
        while (true)
        {
            Exception why;
            using (link) why = await RunAsync(link);
            if (_stop.IsCancellationRequested || _fault is not null) return;
            if (why is SessionOverException or WireException)
            {
                Fail(AsTrouble(why));
                return;
            }
            try
            {
                link = await ResumeAsync(why);
                Resumptions++;
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception e) when (e is TroubleException or SessionOverException or WireException)
            {
                Fail(AsTrouble(e));
                return;
            }
        }
    }

    /// <summary>Reads and writes until one of them ends; says why.</summary>
    private async Task<Exception> RunAsync(DataLink link)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        var liveness = new Liveness(time, options.Silence, speak: Speak, giveUp: link.Dispose);
        Task[] tasks = [ReadAsync(link, liveness, end.Token), WriteAsync(link, liveness, end.Token), liveness.WatchAsync(end.Token)];
        var ended = await Task.WhenAny(tasks);
        await end.CancelAsync();
        link.Dispose();
        await Task.WhenAll(tasks).ContinueWith(static t => _ = t.Exception, CancellationToken.None, TaskContinuationOptions.None,
            TaskScheduler.Default);
        return ended.Exception?.InnerException ?? new IOException("Nothing was heard for too long.");
    }

    private void Speak()
    {
        _speak = true;
        _work.Writer.TryWrite(true);
    }

    private async Task WriteAsync(DataLink link, Liveness liveness, CancellationToken cancel)
    {
        while (true)
        {
            while (_log.TryPeek(out var message))
            {
                await link.Writer.WriteAsync(message.Buffer.AsMemory(0, message.Length), cancel);
                _log.Wrote();
            }
            if (_speak) await link.Writer.WriteAsync(WireFormat.Frame(FrameKind.Ping, 0, []), cancel);
            _speak = false;
            await link.Writer.FlushAsync(cancel);
            liveness.Said();
            await _work.Reader.ReadAsync(cancel);
        }
    }

    private async Task ReadAsync(DataLink link, Liveness liveness, CancellationToken cancel)
    {
        while (true)
        {
            var frame = await link.Reader.ReadAsync(cancel);
            liveness.Heard();
            switch (frame.Kind)
            {
                case FrameKind.Alive: break;
                case FrameKind.Acknowledged: _log.Acknowledge(ReadCount(frame)); break;
                case FrameKind.Refused: throw Refusal(frame);
                default: Answer(frame); break;
            }
        }
    }

    private void Answer(Frame frame)
    {
        PendingCall? call;
        lock (_sync)
        {
            if (!_calls.TryGetValue(frame.Call, out call)) throw new WireException($"{frame.Kind} answers call {frame.Call}, which nobody made");
        }
        if (!call.Accept(frame)) return;
        lock (_sync) _calls.Remove(frame.Call);
    }

    private async Task<DataLink> ResumeAsync(Exception why)
    {
        var since = time.GetTimestamp();
        long? refused = null;
        bool Patient() => time.GetElapsedTime(since) < options.ResumeFor;
        byte[] body = new byte[16 + data.Grant.Length];
        _id.TryWriteBytes(body, bigEndian: true, out _);
        data.Grant.CopyTo(body.AsSpan(16));
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return await TryResumeAsync(body);
            }
            catch (TroubleException e) when (e.Trouble.Retry && Patient())
            {
                refused = e.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionRefused } ? refused ?? time.GetTimestamp() : null;
                if (refused is { } first && time.GetElapsedTime(first) >= options.RefusedFor)
                    throw new TroubleException(Culprit,
                        $"The connection broke, and its address has refused others for {Seconds(time.GetElapsedTime(first))} s: nothing listens there.",
                        "Look whether the media server runs and serves that address; then run the job again.", true, why);
                why = e;
            }
            catch (IOException e) when (Patient())
            {
                why = e;
            }
            catch (IOException e)
            {
                throw new TroubleException(Culprit, $"The connection broke and could not be made again: {e.Message}", "Run the job again.",
                    true, why);
            }
            double spread;
            lock (jitter) spread = 0.5 + (jitter.NextDouble() / 2);
            await Task.Delay(TimeSpan.FromMilliseconds(spread * Math.Min(100 * Math.Pow(2, Math.Min(attempt, 10)), 5000)), time, _stop.Token);
        }
    }

    private static string Seconds(TimeSpan span) => span.TotalSeconds.ToString("0", CultureInfo.InvariantCulture);

    private async Task<DataLink> TryResumeAsync(byte[] body)
    {
        var link = await DataLink.ConnectAsync(data.MediaAddress, identity, options.ConnectWithin, time, _stop.Token);
        try
        {
            var answer = await AskAsync(link, FrameKind.Resume, body, _stop.Token);
            if (answer.Kind != FrameKind.Resumed) throw new WireException($"it answers a resume with {answer.Kind}");
            GoOn(ReadCount(answer));
            return link;
        }
        catch
        {
            link.Dispose();
            throw;
        }
    }

    /// <summary>What the media server does not have is sent again; what it has, but did not answer in time, is asked again. It remembers
    /// its answers to commits and notes, so those are not done twice.</summary>
    private void GoOn(long received)
    {
        lock (_sync)
        {
            _log.Rewind(received);
            foreach (var call in _calls.Values)
            {
                // A frame that the media server does not have is still in the log, and has no answer yet.
                if (call.Number >= received) continue;
                var again = call.AskAgain();
                (call.Number, _) = _log.Add(new Message(again, again.Length, Pooled: false));
            }
        }
    }

    private async Task<Frame> AskAsync(DataLink link, FrameKind kind, byte[] body, CancellationToken cancel)
    {
        // A media server that is ending another connection of this session may take a moment.
        using var patience = new CancellationTokenSource(kind == FrameKind.Open ? options.OpenWithin : options.ConnectWithin, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancel);
        try
        {
            var answer = await link.AskAsync(kind, body, either.Token);
            return answer.Kind == FrameKind.Refused ? throw Refusal(answer) : answer;
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw new TroubleException(Culprit, "It did not answer in time.", "Look at its log.", true, e);
        }
        catch (SessionOverException e) when (kind == FrameKind.Open)
        {
            throw new TroubleException(e.Trouble, e);
        }
        catch (WireException e) when (kind == FrameKind.Open)
        {
            throw Garbled(e.Message);
        }
        catch (IOException e) when (kind == FrameKind.Open)
        {
            throw new TroubleException(Culprit, $"It closed the connection: {e.Message}",
                "Look at its log: it may not accept this host's certificate.", true, e);
        }
    }

    /// <summary>What the media server refused. Of itself it says no more than that; which one it is, is known here.</summary>
    private SessionOverException Refusal(Frame frame)
    {
        var trouble = WireTrouble.Read(frame.Body.Span);
        return new(trouble.Culprit == "media server" ? trouble with { Culprit = Culprit } : trouble);
    }

    private void ReadOpened(Frame frame)
    {
        if (frame.Kind != FrameKind.Opened || frame.Body.Length != WireFormat.MaxBody(FrameKind.Opened))
            throw Garbled($"it answers an open with {frame.Kind}");
        var body = frame.Body.Span;
        _id = new Guid(body[..16], bigEndian: true);
        var unit = new UnitParameters(new Guid(body[16..32], bigEndian: true), BinaryPrimitives.ReadInt32LittleEndian(body[32..]),
            BinaryPrimitives.ReadInt32LittleEndian(body[36..]), BinaryPrimitives.ReadInt32LittleEndian(body[40..]));
        var window = BinaryPrimitives.ReadInt32LittleEndian(body[44..]);
        if (!StoreFormat.IsChunkSize(unit.ChunkSize) || window is < 64 << 10 or > 256 << 20) throw Garbled("the unit's parameters are out of bounds");
        Unit = unit;
        _log = new MessageLog(window);
    }

    private static long ReadCount(Frame frame) =>
        frame.Body.Length == 8 ? BinaryPrimitives.ReadInt64LittleEndian(frame.Body.Span) : throw new WireException("a count has not 8 bytes");

    private TroubleException Garbled(string what) =>
        new(Culprit, $"It does not speak the data protocol: {what}.", "Check that both sides have the same version.");

    private TroubleException AsTrouble(Exception e) => e switch
    {
        SessionOverException over => new TroubleException(over.Trouble, over),
        TroubleException trouble => trouble,
        _ => Garbled(e.Message),
    };

    private void Fail(TroubleException fault)
    {
        PendingCall[] calls;
        lock (_sync)
        {
            _fault ??= fault;
            calls = [.. _calls.Values];
            _calls.Clear();
            _log.Fail(_fault);
        }
        foreach (var call in calls) call.Fail(fault);
    }
}
