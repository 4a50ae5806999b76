using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>A question to the media server: zero or more parts of one kind, then done, or a trouble.</summary>
/// <param name="id">Its number in the session.</param>
/// <param name="message">The frame that asks; kept for asking again after a break.</param>
/// <param name="part">Kind of the parts.</param>
/// <param name="most">Most parts that it can have.</param>
internal sealed class PendingCall(uint id, byte[] message, FrameKind part, int most)
{
    private readonly TaskCompletionSource<List<byte[]>> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<byte[]> _parts = [];

    internal uint Id => id;

    internal byte[] Message => message;

    /// <summary>Number of its frame in the session.</summary>
    internal long Number { get; set; }

    internal Task<List<byte[]>> Answer => _answer.Task;

    /// <summary>Takes a frame of the answer.</summary>
    /// <returns>True when it was the last one.</returns>
    internal bool Accept(Frame frame)
    {
        if (frame.Kind == FrameKind.Done)
        {
            _answer.TrySetResult(_parts);
            return true;
        }
        if (frame.Kind == FrameKind.Failed)
        {
            _answer.TrySetException(new TroubleException(WireTrouble.Read(frame.Body.Span)));
            return true;
        }
        if (frame.Kind != part || _parts.Count == most) throw new WireException($"{frame.Kind} is no answer to what was asked");
        _parts.Add(frame.Body.ToArray());
        return false;
    }

    /// <summary>The connection broke in the middle of the answer. The frame to ask for the rest: of records those that came are kept, or
    /// a wire that breaks often would never carry a long answer; all else comes again from the start.</summary>
    internal byte[] AskAgain()
    {
        if (part != FrameKind.Record)
        {
            _parts.Clear();
            return message;
        }
        return WireFormat.Frame(FrameKind.ReadRecords, id, message.AsSpan(WireFormat.HeaderSize + (_parts.Count * ChunkId.Size)));
    }

    internal void Fail(Exception fault) => _answer.TrySetException(fault);
}
