using Stillpoint.Catalog;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>A VM on its host.</summary>
internal sealed record SelectedVm(string Host, VmInventory Vm);

/// <summary>What a policy selects now.</summary>
/// <param name="Vms">The VMs, each once.</param>
/// <param name="Absent">Selections that name a VM which its host does not have.</param>
/// <param name="Missing">The same in words, and hosts that could not be looked at.</param>
internal sealed record SelectedVms(IReadOnlyList<SelectedVm> Vms, IReadOnlyList<VmSelection> Absent, IReadOnlyList<string> Missing);

/// <summary>Finds the VMs that a policy selects in what the hosts were last seen to hold; asks a connected host anew where a name is not there
/// or the look is old.</summary>
internal sealed class VmSelector(CatalogStore catalog, Connections connections, Inventories inventories, TimeProvider time)
{
    private static readonly TimeSpan s_old = TimeSpan.FromMinutes(10);
    private const int MostListed = 20;

    /// <param name="policy">The policy.</param>
    /// <param name="vm">Name or id of one VM of it; null for all.</param>
    /// <param name="mayAsk">True: hosts may be asked.</param>
    public async Task<SelectedVms> Select(Policy policy, string? vm, bool mayAsk)
    {
        var hosts = (await catalog.Hosts.List()).ToDictionary(h => h.Name);
        IReadOnlyList<VmSelection> wanted = policy.Vms.Count > 0 ? policy.Vms : [.. hosts.Keys.Select(h => new VmSelection(h, null))];
        List<SelectedVm> found = [];
        List<VmSelection> absent = [];
        List<string> missing = [];
        HashSet<(string, Guid)> seen = [];
        HashSet<string> fresh = [];
        foreach (var selection in wanted)
        {
            if (!hosts.TryGetValue(selection.Host, out var host))
            {
                absent.Add(selection);
                missing.Add($"There is no host {selection.Host}.");
                continue;
            }
            if (mayAsk && NeedsLook(host, selection) && fresh.Add(host.Name) && await Look(host.Name, missing) is { } looked)
                hosts[host.Name] = host = looked;
            var matches = Matches(host, selection);
            if (matches.Count == 0 && selection.Vm is not null)
            {
                absent.Add(selection);
                missing.Add($"Host {host.Name} has no VM '{selection.Vm}'.");
            }
            if (matches.Count > 1 && selection.Vm is not null)
            {
                absent.Add(selection);
                missing.Add($"Host {host.Name} has {matches.Count} VMs named '{selection.Vm}': name it by its id.");
                continue;
            }
            found.AddRange(matches.Where(m => seen.Add((host.Name, m.Id))).Select(m => new SelectedVm(host.Name, m)));
        }
        return vm is null
            ? new SelectedVms(found, absent, missing)
            : new SelectedVms([.. found.Where(f => Is(f.Vm, vm))], [], [.. missing.Where(m => m.Contains($"'{vm}'", StringComparison.Ordinal))]);
    }

    /// <summary>Findings on selections of a VM that its host does not have. Said of connected hosts only, after a look at them now: what a host
    /// that cannot be asked holds is not known.</summary>
    public async Task<IReadOnlyList<string>> Strangers(IReadOnlyList<VmSelection> selections)
    {
        List<string> findings = [];
        foreach (var wanted in selections.Where(s => s.Vm is not null).GroupBy(s => s.Host))
        {
            if (connections.Client(wanted.Key) is null || await catalog.Hosts.Find(wanted.Key) is not { Inventory: not null } host) continue;
            if (wanted.All(s => Matches(host, s).Count > 0)) continue;
            if (await Look(host.Name, []) is not { } looked) continue;
            findings.AddRange(wanted.Where(s => Matches(looked, s).Count == 0)
                .Select(s => $"vms: host {host.Name} has no VM '{s.Vm}'; it has {Listed(looked)}."));
        }
        return findings;
    }

    private static string Listed(HostRecord host)
    {
        var names = (host.Inventory?.Vms ?? []).Select(v => v.Name).Order(StringComparer.OrdinalIgnoreCase).ToList();
        if (names.Count == 0) return "none";
        var first = string.Join(", ", names.Take(MostListed));
        return names.Count > MostListed ? $"{first} and {names.Count - MostListed} more" : first;
    }

    private bool NeedsLook(HostRecord host, VmSelection selection) =>
        connections.Client(host.Name) is not null
        && (host.InventoryTaken is not { } taken || time.GetUtcNow() - taken > s_old
            || selection.Vm is not null && Matches(host, selection).Count == 0);

    private async Task<HostRecord?> Look(string host, List<string> missing)
    {
        try
        {
            return await inventories.Take(host);
        }
        catch (Exception e) when (e is TroubleException or Refusal)
        {
            missing.Add(e.Message);
            return null;
        }
    }

    private static IReadOnlyList<VmInventory> Matches(HostRecord host, VmSelection selection) =>
        host.Inventory is null ? [] : [.. host.Inventory.Vms.Where(v => selection.Vm is null || Is(v, selection.Vm))];

    private static bool Is(VmInventory vm, string nameOrId) =>
        string.Equals(vm.Name, nameOrId, StringComparison.OrdinalIgnoreCase) || Guid.TryParse(nameOrId, out var id) && vm.Id == id;
}
