using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Stillpoint.Catalog;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>What the hosts hold: asked of their clients, kept in the catalog.</summary>
internal sealed class Inventories(CatalogStore catalog, Connections connections, Errands errands, TimeProvider time, ILogger<Inventories> log)
{
    private const int MostVms = 10_000;
    private const int MostDisks = 512;
    private const int MostText = 2_000;
    private readonly ConcurrentDictionary<string, Trouble> _troubles = new();

    /// <summary>Why a host could not be looked at the last time; null when it could, or nobody looked since this server started.</summary>
    public Trouble? TroubleOf(string host) => _troubles.GetValueOrDefault(host);

    /// <summary>Looks at a host now.</summary>
    /// <exception cref="Refusal">There is no such host, or it is not connected.</exception>
    /// <exception cref="TroubleException">Its client could not look.</exception>
    public async Task<HostRecord> Take(string host, CancellationToken cancel = default)
    {
        if (await catalog.Hosts.Find(host) is null) throw Refusal.NotFound("host", host);
        var client = Connected(host);
        HostInventory inventory;
        try
        {
            inventory = await connections.Ask(client, calls => calls.TakeInventory(), cancel);
        }
        catch (TroubleException e)
        {
            _troubles[host] = e.Trouble with
            {
                Culprit = Cut(e.Trouble.Culprit), Message = Cut(e.Trouble.Message), NextStep = Cut(e.Trouble.NextStep),
            };
            throw new TroubleException(e.Trouble with { Message = $"The client of {host} could not look at the host: {e.Trouble.Message}" }, e);
        }
        Check(host, inventory);
        _troubles.TryRemove(host, out _);
        await catalog.Hosts.Inventoried(host, inventory, time.GetUtcNow());
        return (await catalog.Hosts.Find(host))!;
    }

    /// <summary>Has a VM looked at as before a backup.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="policy">By whose rules; null for those of a new policy.</param>
    /// <exception cref="Refusal">The host is not connected.</exception>
    /// <exception cref="TroubleException">Its client could not look.</exception>
    public async Task<PreflightReport> Preflight(VmView vm, Policy? policy)
    {
        var order = new PreflightOrder(
            vm.Vm.Id, vm.Vm.Name, policy?.Consistency ?? ConsistencyPolicy.Application, policy?.BlockLevelIncremental ?? true,
            policy?.OutsideDisks ?? OutsideDisks.Skip, await catalog.Intents.OfVm(vm.Vm.Id));
        var report = await connections.Ask(Connected(vm.Host), calls => calls.Preflight(order));
        return report with { Findings = JobReports.Bounded(report.Findings) };
    }

    /// <summary>Has a host cleared of what earlier runs of ours left. What active jobs are about is not left: it is being worked on.</summary>
    /// <exception cref="Refusal">There is no such host, or it is not connected.</exception>
    /// <exception cref="TroubleException">Its client could not.</exception>
    public async Task<SweepReport> Sweep(string host)
    {
        if (await catalog.Hosts.Find(host) is null) throw Refusal.NotFound("host", host);
        var client = Connected(host);
        var active = (await catalog.Jobs.Open()).Where(j => j.State == JobState.Active).Select(j => j.Id).ToHashSet();
        var known = (await catalog.Intents.OfClient(host)).Where(i => !active.Contains(i.JobId)).ToList();
        var report = await connections.Ask(client, calls => calls.Sweep(known));
        return new SweepReport(JobReports.Lines(report.Cleared), JobReports.Lines(report.Foreign));
    }

    private Connection Connected(string host) => connections.Client(host) ?? throw Refusal.Unavailable($"host {host}", "Its client is not connected.",
        "Look whether the Stillpoint service runs on the host and reaches the primary server.");

    /// <summary>Looks at a host in the background: what is found is kept, what goes wrong is logged.</summary>
    public void TakeSoon(string host) => errands.Run($"inventory of {host}", async stop =>
    {
        try
        {
            await Take(host, stop);
        }
        catch (Exception e) when (e is TroubleException or Refusal)
        {
            log.LogWarning("inventory: {Message}", e.Message);
        }
    });

    private static string Cut(string? text) => text is null ? "" : text.Length <= MostText ? text : text[..MostText] + "…";

    private static void Check(string host, HostInventory inventory)
    {
        if (inventory is not { Vms.Count: <= MostVms, HostName.Length: <= 256 }
            || inventory.Vms.Any(v => v is not { Name.Length: <= 256, State.Length: <= 64,
                ConfigurationVersion.Length: <= 64, Disks.Count: <= MostDisks }
                || v is not { Adapters.Count: <= 64, Checkpoints.Count: <= 1024, Why.Count: <= 1024 }
                || v.Disks.Any(d => d is not { Path.Length: <= 4096, Size: >= 0, Place.Length: <= 64, Why: null or { Length: <= MostText } })
                || v.Adapters.Any(a => a is not { Id.Length: <= 512, Switch: null or { Length: <= 512 } })
                || v.Checkpoints.Any(c => c is not { Name.Length: <= 512, Kind.Length: <= 64 })
                || v.Why.Any(w => w is not { Length: <= MostText })))
        {
            throw new TroubleException($"host {host}", "Its client's inventory is out of bounds.", "Bring the client to the primary's version.");
        }
    }
}
