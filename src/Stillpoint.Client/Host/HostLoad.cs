namespace Stillpoint.Client;

/// <summary>How much of a host a client may take.</summary>
public sealed record HostLoad
{
    /// <summary>Checkpoints of ours that stand open at once.</summary>
    public int Checkpoints { get; init; } = 4;

    /// <summary>Jobs of ours that read or write one volume at once.</summary>
    public int PerVolume { get; init; } = 2;

    /// <summary>Jobs of ours that move data at once, restores among them.</summary>
    public int Transfers { get; init; } = 4;

    /// <summary>Bytes that all jobs together read from the host's disks each second; 0 for no bound.</summary>
    public long BytesPerSecond { get; init; }

    /// <summary>A read of up to 2 MiB that takes longer says that the host's storage is slow, and reading gives way.</summary>
    public TimeSpan SlowRead { get; init; } = TimeSpan.FromMilliseconds(250);
}
