using System.Text.Json;
using Microsoft.Extensions.Logging;
using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>
/// A role's answers that are too long for one message, kept as they were when they were given until the primary has read them part by part. A part
/// is small, so that keep-alives and other calls pass between. What is kept is bounded in bytes, number and time: the oldest goes first.
/// </summary>
/// <param name="time">What the time that an answer is kept is measured with.</param>
/// <param name="log">Where an answer is told of that is too long altogether.</param>
internal sealed class LongAnswers(TimeProvider time, ILogger log) : IDisposable
{
    /// <summary>JSON bytes of a part, of which each but the last has so many; an answer of no more is sent as it is. Far below
    /// <see cref="ControlProtocol.MaxMessage"/>, with room for what Base64 adds.</summary>
    internal const int Part = 1 << 20;

    /// <summary>Longest answer, JSON bytes, and the most that is kept at once: some hundred thousands of images.</summary>
    internal const int Most = 256 << 20;

    private const int MostKept = 8;
    private static readonly TimeSpan s_keptFor = TimeSpan.FromMinutes(2);
    private readonly Lock _sync = new();
    private readonly LinkedList<Kept> _kept = [];
    private long _lastId;

    /// <summary>The answer for the message that answers a call: itself, or where its parts are.</summary>
    /// <exception cref="TroubleException">It is too long for parts too.</exception>
    internal JsonElement Give<T>(string call, string culprit, T answer)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(answer, Words.Json);
        if (json.Length <= Part) return Element(json);
        if (json.Length > Most)
        {
            log.LogError("The answer to the primary server's call {Call} is too long to be sent: {Size}, {Most} is the most.",
                call, Bytes.Format(json.Length), Bytes.Format(Most));
            throw new TroubleException(culprit, $"Its answer to {call} is too long to be sent: {Bytes.Format(json.Length)}, {Bytes.Format(Most)} is the most.",
                "Ask for less: prune one VM at a time, and spread further images over more storage units.");
        }
        return Element(JsonSerializer.SerializeToUtf8Bytes(new AnswerInParts(Keep(json)), Words.Json));
    }

    /// <summary>A part.</summary>
    /// <exception cref="TroubleException">That answer is not kept any more, or has no such part.</exception>
    internal byte[] Read(long id, long offset)
    {
        byte[] json;
        lock (_sync)
        {
            var kept = _kept.FirstOrDefault(k => k.Id == id) ?? throw new TroubleException(
                "answer in parts", "It is not kept any more: it was not read in time, or too many others came.", "Try again.", retry: true);
            if (offset < 0 || offset >= kept.Json.Length) throw new TroubleException("answer in parts", $"It has no byte {offset}.", "Try again.", retry: true);
            kept.Forgetting.Change(s_keptFor, Timeout.InfiniteTimeSpan);
            json = kept.Json;
            if (json.Length - offset <= Part) Drop(kept);
        }
        return json.AsSpan((int)offset, (int)Math.Min(Part, json.Length - offset)).ToArray();
    }

    public void Dispose()
    {
        lock (_sync)
        {
            while (_kept.First is { } oldest) Drop(oldest.Value);
        }
    }

    private static JsonElement Element(byte[] json) => JsonSerializer.Deserialize<JsonElement>(json, Words.Json);

    private PartedAnswer Keep(byte[] json)
    {
        lock (_sync)
        {
            while (_kept.First is { } oldest && (_kept.Count >= MostKept || _kept.Sum(k => (long)k.Json.Length) + json.Length > Most)) Drop(oldest.Value);
            var id = ++_lastId;
            _kept.AddLast(new Kept(id, json, time.CreateTimer(_ => Forget(id), null, s_keptFor, Timeout.InfiniteTimeSpan)));
            return new PartedAnswer(id, json.Length);
        }
    }

    private void Forget(long id)
    {
        lock (_sync)
        {
            if (_kept.FirstOrDefault(k => k.Id == id) is { } kept) Drop(kept);
        }
    }

    private void Drop(Kept kept)
    {
        _kept.Remove(kept);
        kept.Forgetting.Dispose();
    }

    private sealed record Kept(long Id, byte[] Json, ITimer Forgetting);
}

/// <summary>What stands in for an answer that is read in parts; no answer of ours has a member of that name.</summary>
internal sealed record AnswerInParts(PartedAnswer ReadInParts);

/// <summary>An answer that is kept.</summary>
/// <param name="Id">What to ask for.</param>
/// <param name="Length">JSON bytes.</param>
internal sealed record PartedAnswer(long Id, long Length);
