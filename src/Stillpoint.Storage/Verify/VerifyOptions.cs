using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>What a verify looks at, and how hard it works.</summary>
public sealed record VerifyOptions
{
    /// <summary>Keys of the domain to check in full: decrypt, decompress, compare ids. Null checks stored bytes of all domains.</summary>
    public DomainKeys? Keys { get; init; }

    /// <summary>Packs that were found sound at this depth within this time are not read again, and images that were are not told of again,
    /// unless something of them is missing; null reads everything.</summary>
    public TimeSpan? OlderThan { get; init; }

    /// <summary>Only this image, and the packs that it refers to; null for all.</summary>
    public Guid? Image { get; init; }

    /// <summary>Share of the packs to read, 0 to 1, picked by <see cref="Pick"/>. What is not read is looked at for presence only, and no image
    /// is called sound by it.</summary>
    public double Sample { get; init; } = 1;

    /// <summary>Picks the sample; given where <see cref="Sample"/> is below 1.</summary>
    public Random? Pick { get; init; }

    /// <summary>Most bytes read in a second; null for no limit.</summary>
    public long? BytesPerSecond { get; init; }

    /// <summary>True to write down which packs were found sound, and to go on where a verify of the whole was stopped.</summary>
    public bool Remember { get; init; }

    /// <summary>True to begin anew although a verify was stopped.</summary>
    public bool Restart { get; init; }

    /// <summary>How often what was found is written down meanwhile.</summary>
    public TimeSpan SaveEvery { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>True for all packs. A look at a part neither ends a verify of the whole nor counts as one that was stopped.</summary>
    public bool Whole => Image is null && Sample >= 1;

    internal VerifyDepth Depth => new(Keys);
}

/// <summary>How deep a verify looks, and with which keys.</summary>
/// <param name="Keys">Null for stored bytes.</param>
internal readonly record struct VerifyDepth(DomainKeys? Keys)
{
    public Model.VerifyKind Kind => Keys is null ? Model.VerifyKind.Stored : Model.VerifyKind.Full;
}
