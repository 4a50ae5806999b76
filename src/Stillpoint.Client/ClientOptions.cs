using Stillpoint.HyperV;

namespace Stillpoint.Client;

/// <summary>How a client is set up.</summary>
/// <param name="Primary">The primary server's address, https.</param>
/// <param name="Data">Folder of its identity, its intents and its unsent reports.</param>
/// <param name="Host">The Hyper-V host: where and as whom.</param>
/// <param name="PathMap">Where host folders lie on this machine; empty on the host itself.</param>
/// <param name="Limits">When an open checkpoint is given up.</param>
public sealed record ClientOptions(
    Uri Primary, string Data, HyperVHostOptions Host, IReadOnlyList<PathMapping> PathMap, HostLimits Limits)
{
    /// <summary>How much of the host the client may take.</summary>
    public HostLoad Load { get; init; } = new();

    /// <summary>How long a run waits for the disks to merge after the release.</summary>
    public TimeSpan MergeLimit { get; init; } = TimeSpan.FromMinutes(30);
}
