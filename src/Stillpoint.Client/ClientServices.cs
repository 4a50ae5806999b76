using System.Security.Cryptography;
using Stillpoint.Chunks;
using Stillpoint.HyperV;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Client;

/// <summary>What a run works with: the host, its files, the primary, the way to the data, and no ambient clock or randomness.</summary>
/// <param name="Host">The hypervisor.</param>
/// <param name="Files">Its files.</param>
/// <param name="Primary">The primary server.</param>
/// <param name="OpenData">Opens a session with the media server that an order names.</param>
/// <param name="Intents">What this client may leave on the host.</param>
/// <param name="IsRunning">Whether this process works on a job now.</param>
/// <param name="Limits">When an open checkpoint is given up.</param>
/// <param name="MergeLimit">How long a run waits for the disks to merge after the release.</param>
/// <param name="Time">Clock.</param>
/// <param name="NewId">Source of ids.</param>
/// <param name="Random">Source of salts, and of the audit's choice of chunks.</param>
internal sealed record ClientServices(
    IHyperVHost Host,
    IHostFiles Files,
    IPrimaryCalls Primary,
    Func<DataAccess, CancellationToken, Task<IImageWriter>> OpenData,
    IntentLedger Intents,
    Func<Guid, bool> IsRunning,
    HostLimits Limits,
    TimeSpan MergeLimit,
    TimeProvider Time,
    Func<Guid> NewId,
    RandomNumberGenerator Random)
{
    /// <summary>How much of the host may be taken.</summary>
    public HostLoad Load
    {
        get;
        init
        {
            field = value;
            Gates = new HostGates(value);
            Pace = new ReadPace(value, Time);
        }
    } = new();

    /// <summary>Lets jobs onto the host.</summary>
    public HostGates Gates { get; private init; } = new(new HostLoad());

    /// <summary>The pace of reading.</summary>
    public ReadPace Pace { get; private init; } = new(new HostLoad(), Time);

    /// <summary>What restores of this process write to now.</summary>
    public PathClaims Claims { get; } = new();

    /// <summary>The sweep over this host.</summary>
    public HostSweep Sweep { get; } = new(Host, Files, Intents, IsRunning, Limits.CheckpointAge, Time);
}
