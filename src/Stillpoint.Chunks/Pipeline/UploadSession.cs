using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace Stillpoint.Chunks;

/// <summary>What the streams of one image share while they are uploaded to one session with a storage unit.</summary>
public sealed class UploadSession : IDisposable
{
    /// <param name="writer">The session; its owner closes it.</param>
    /// <param name="keys">The domain's keys; their owner disposes of them, after this.</param>
    /// <param name="random">Source of the packs' salts.</param>
    public UploadSession(IImageWriter writer, DomainKeys keys, RandomNumberGenerator random)
    {
        ArgumentNullException.ThrowIfNull(writer);
        Writer = writer;
        Keys = keys;
        Sealer = new PackSealer(keys, random, writer.Unit.CompressionLevel);
    }

    /// <summary>The session.</summary>
    public IImageWriter Writer { get; }

    /// <summary>What was put so far; a commit needs it.</summary>
    public SentTotals Totals => Counter.Totals;

    internal DomainKeys Keys { get; }

    internal PackSealer Sealer { get; }

    internal SentCounter Counter { get; } = new();

    /// <summary>Chunks between "I will send it" and "it was put": a second one of the same content waits for neither.</summary>
    internal ConcurrentDictionary<ChunkId, byte> InFlight { get; } = new();

    /// <inheritdoc/>
    public void Dispose() => Sealer.Dispose();
}
