using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>Hosts as people see them: what the catalog keeps, with whether the client is there and whether it reaches its host.</summary>
internal sealed class HostViews(Connections connections, Inventories inventories, TimeProvider time)
{
    public HostView Of(HostRecord host)
    {
        var connected = connections.Client(host.Name) is not null;
        return new HostView(
            host.Name, connected, host.Version, connected ? time.GetUtcNow() : host.LastSeen, host.KeyDomain, host.InventoryTaken,
            host.Inventory?.Vms.Count ?? 0, host.Inventory)
        {
            Trouble = inventories.TroubleOf(host.Name),
        };
    }
}
