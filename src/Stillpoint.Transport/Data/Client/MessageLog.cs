using System.Buffers;

namespace Stillpoint.Transport;

/// <summary>A frame of the session as it goes on the wire.</summary>
/// <param name="Buffer">Holds it at 0.</param>
/// <param name="Length">Its bytes.</param>
/// <param name="Pooled">True when the buffer goes back to the pool after the acknowledgement.</param>
internal readonly record struct Message(byte[] Buffer, int Length, bool Pooled);

/// <summary>
/// Frames of a session from the moment they are handed over until the media server has taken them over: after a break those that it does
/// not have are sent again. A frame gets its place at once, so the order is the order of the calls; who hands it over waits while more
/// than the window is unacknowledged. So memory is bounded by the window and one frame a waiting caller. Safe for several threads.
/// </summary>
internal sealed class MessageLog(int window)
{
    private readonly Queue<Message> _sent = new();
    private readonly Queue<Message> _unsent = new();
    private readonly Queue<TaskCompletionSource> _waiting = new();
    private readonly Lock _sync = new();
    private Exception? _fault;
    private long _held;
    private long _acknowledged;
    private long _promised;

    /// <summary>Bytes that the media server has not taken over.</summary>
    internal long HeldBytes
    {
        get
        {
            lock (_sync) return _held;
        }
    }

    /// <summary>Gives a frame its place. The task ends when there is room for the next one.</summary>
    /// <returns>The frame's number in the session, from 0, and the task.</returns>
    internal (long Number, Task Room) Add(Message message)
    {
        lock (_sync)
        {
            if (_fault is not null) throw _fault;
            _unsent.Enqueue(message);
            _held += message.Length;
            var number = _acknowledged + _sent.Count + _unsent.Count - 1;
            if (_held <= window) return (number, Task.CompletedTask);
            var room = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Enqueue(room);
            return (number, room.Task);
        }
    }

    /// <summary>The next frame to write; it stays valid until <see cref="Wrote"/>.</summary>
    internal bool TryPeek(out Message message)
    {
        lock (_sync) return _unsent.TryPeek(out message);
    }

    /// <summary>The frame of the last <see cref="TryPeek"/> is written, or at least copied to where it will be.</summary>
    internal void Wrote()
    {
        lock (_sync)
        {
            // A fault may have emptied the log while the frame was being written.
            if (_unsent.TryDequeue(out var message)) _sent.Enqueue(message);
            Trim();
        }
    }

    /// <summary>The media server has taken over so many frames of the session. It may say so of a frame that is just being written.</summary>
    internal void Acknowledge(long count)
    {
        lock (_sync)
        {
            if (_fault is not null) return;
            if (count < _acknowledged || count > _acknowledged + _sent.Count + (_unsent.Count > 0 ? 1 : 0))
            {
                throw new WireException($"{count} frames are acknowledged, {_acknowledged + _sent.Count} were sent");
            }
            _promised = Math.Max(_promised, count);
            Trim();
        }
    }

    /// <summary>A new connection begins: what the media server has is settled, all else is unsent again.</summary>
    internal void Rewind(long count)
    {
        lock (_sync)
        {
            if (_fault is not null) return;
            var all = _acknowledged + _sent.Count + _unsent.Count;
            if (count < _acknowledged || count > all) throw new WireException($"the session goes on at frame {count}, the log holds {_acknowledged} to {all}");
            var rest = _sent.Concat(_unsent).ToArray();
            _sent.Clear();
            _unsent.Clear();
            foreach (var message in rest) _unsent.Enqueue(message);
            while (_acknowledged < count) Settle(_unsent.Dequeue());
            _promised = count;
            ReleaseWaiting();
        }
    }

    /// <summary>Number of the first frame that the media server does not have.</summary>
    internal long Acknowledged
    {
        get
        {
            lock (_sync) return _acknowledged;
        }
    }

    /// <summary>The session is over: whoever waits, or comes later, gets <paramref name="fault"/>.</summary>
    internal void Fail(Exception fault)
    {
        lock (_sync)
        {
            _fault ??= fault;
            // Buffers are not returned: one of them may be on its way to the wire.
            _sent.Clear();
            _unsent.Clear();
            _held = 0;
            while (_waiting.TryDequeue(out var room)) room.TrySetException(_fault);
        }
    }

    private void Trim()
    {
        while (_acknowledged < _promised && _sent.TryDequeue(out var message)) Settle(message);
        ReleaseWaiting();
    }

    private void Settle(Message message)
    {
        _acknowledged++;
        _held -= message.Length;
        if (message.Pooled) ArrayPool<byte>.Shared.Return(message.Buffer);
    }

    private void ReleaseWaiting()
    {
        if (_held > window) return;
        while (_waiting.TryDequeue(out var room)) room.TrySetResult();
    }
}
