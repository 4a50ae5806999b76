namespace Stillpoint.Model;

/// <summary>What a client found on its host.</summary>
/// <param name="HostName">The host's own name.</param>
/// <param name="Vms">Its VMs.</param>
public sealed record HostInventory(string HostName, IReadOnlyList<VmInventory> Vms);

/// <summary>One VM of a host.</summary>
/// <param name="Id">The VM's id.</param>
/// <param name="Name">Its display name; not unique.</param>
/// <param name="State"><c>running</c>, <c>off</c>, <c>saved</c>, <c>paused</c> or another word of the host's.</param>
/// <param name="Generation">1 or 2.</param>
/// <param name="ConfigurationVersion">For example <c>9.0</c>; change tracking needs 6.2.</param>
/// <param name="Disks">Its disks.</param>
public sealed record VmInventory(
    Guid Id, string Name, string State, int Generation, string ConfigurationVersion, IReadOnlyList<DiskInventory> Disks);

/// <summary>One disk of a VM.</summary>
/// <param name="Path">Host path.</param>
/// <param name="Size">Virtual size in bytes; 0 where the host did not say.</param>
public sealed record DiskInventory(string Path, long Size);
