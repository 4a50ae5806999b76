namespace Stillpoint.Model;

/// <summary>A Hyper-V host with a client of ours.</summary>
public sealed record HostRecord
{
    /// <summary>The client's name: the subject of its certificate.</summary>
    public required string Name { get; init; }

    /// <summary>Product version that it last said; null before its first connection.</summary>
    public string? Version { get; init; }

    /// <summary>When it joined, UTC.</summary>
    public required DateTimeOffset Joined { get; init; }

    /// <summary>When it was last heard of, UTC.</summary>
    public DateTimeOffset? LastSeen { get; init; }

    /// <summary>Name of the key domain that its images are sealed for.</summary>
    public required string KeyDomain { get; init; }

    /// <summary>What it last found on its host.</summary>
    public HostInventory? Inventory { get; init; }

    /// <summary>When that was, UTC.</summary>
    public DateTimeOffset? InventoryTaken { get; init; }
}

/// <summary>A host as lists show it.</summary>
/// <param name="Name">The client's name.</param>
/// <param name="Connected">True while its control connection stands.</param>
/// <param name="Version">Product version.</param>
/// <param name="LastSeen">When it was last heard of, UTC.</param>
/// <param name="KeyDomain">Name of its key domain.</param>
/// <param name="InventoryTaken">When it last looked at its host, UTC.</param>
/// <param name="Inventory">What it found; lists leave it out.</param>
/// <param name="VmCount">How many VMs it found.</param>
public sealed record HostView(
    string Name,
    bool Connected,
    string? Version,
    DateTimeOffset? LastSeen,
    string KeyDomain,
    DateTimeOffset? InventoryTaken,
    int VmCount,
    HostInventory? Inventory = null)
{
    /// <summary>Why its client could not look at the Hyper-V host the last time: a wrong password, a host that is off. Null when it could.</summary>
    public Trouble? Trouble { get; init; }
}

/// <summary>A VM with the host that it was found on.</summary>
/// <param name="Host">Name of the client.</param>
/// <param name="Vm">The VM.</param>
/// <param name="Policies">Names of the policies that select it.</param>
/// <param name="LastImage">When its newest image was made, UTC; null where there is none.</param>
public sealed record VmView(string Host, VmInventory Vm, IReadOnlyList<string> Policies, DateTimeOffset? LastImage);
