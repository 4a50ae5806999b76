namespace Stillpoint.Chunks;

/// <summary>What a key file holds: the secret that all keys of a domain come from, and the epoch that new things are sealed under.</summary>
/// <param name="Bytes">32 bytes.</param>
/// <param name="Epoch">Counted up by each rotation; at most <see cref="MaxEpoch"/>.</param>
public sealed record DomainMaster(ReadOnlyMemory<byte> Bytes, ushort Epoch)
{
    /// <summary>The last epoch. The number above it stands for "not sealed" in a blob.</summary>
    public const ushort MaxEpoch = ushort.MaxValue - 1;

    /// <summary>The keys; their owner disposes of them.</summary>
    public DomainKeys Keys() => new(Bytes.Span, Epoch);

    /// <summary>The same secret with the next epoch.</summary>
    /// <exception cref="Model.TroubleException">All epochs are used up.</exception>
    public DomainMaster Rotate() => Epoch < MaxEpoch
        ? this with { Epoch = (ushort)(Epoch + 1) }
        : throw new Model.TroubleException("key file", "it has had all its epochs.", "make a new key domain");

    /// <summary>The epoch only; never the secret.</summary>
    public override string ToString() => $"master at epoch {Epoch}";
}
