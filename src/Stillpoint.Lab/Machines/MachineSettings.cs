using System.Text.Json.Serialization;

namespace Stillpoint.Lab;

/// <summary>A slot with a virtual hard disk.</summary>
/// <param name="Controller">Instance GUID of the controller.</param>
/// <param name="Number">Number of the controller.</param>
/// <param name="Location">Place on it.</param>
/// <param name="Path">Host path of the file: the leaf in a VM, the frozen file in a checkpoint.</param>
/// <param name="Base">Host path of the chain's first file that is the VM's own: its tracking file stands beside it.</param>
/// <param name="Disk">The lab's own id of the disk: its record's and its tracking's name.</param>
internal sealed record DiskSlot(Guid Controller, int Number, int Location, string Path, string Base, Guid Disk)
{
    /// <summary>What an instance id has behind <c>Microsoft:OWNER\</c>.</summary>
    public string Key => $@"{LabText.Upper(Controller)}\{Number}\{Location}";
}

/// <summary>A disk that no checkpoint holds: a drive of the host, or a disk that several VMs may write to.</summary>
/// <param name="Controller">Instance GUID of the controller.</param>
/// <param name="Number">Number of the controller.</param>
/// <param name="Location">Place on it.</param>
/// <param name="Path">Host path of a shared disk's file; null for a drive of the host.</param>
internal sealed record OutsideDisk(Guid Controller, int Number, int Location, string? Path)
{
    /// <summary>What an instance id has behind <c>Microsoft:OWNER\</c>.</summary>
    public string Key => $@"{LabText.Upper(Controller)}\{Number}\{Location}";
}

/// <summary>A synthetic network adapter.</summary>
/// <param name="Id">Instance GUID.</param>
/// <param name="Switch">Object path of the switch it is connected to; null for none.</param>
/// <param name="Enabled">False when disconnected.</param>
internal sealed record Adapter(Guid Id, string? Switch, bool Enabled)
{
    /// <summary>Name of the switch that it was last connected to.</summary>
    public string SwitchName { get; init; } = "Default Switch";
}

/// <summary>The guest inside a VM.</summary>
/// <param name="CanQuiesce">False for a guest without integration services.</param>
/// <param name="Seed">Start of its sequence of writes.</param>
/// <param name="Areas">Per disk, the runs of bytes it may write, as offset and length.</param>
internal sealed record GuestSettings(bool CanQuiesce, int Seed, IReadOnlyList<IReadOnlyList<WriteArea>> Areas)
{
    /// <summary>What the host sees of its backup integration service.</summary>
    public IntegrationState Integration { get; init; }
}

/// <summary>A run of bytes that a guest may write.</summary>
internal sealed record WriteArea(long Offset, long Length);

/// <summary>The settings of a VM or of a checkpoint of it: all that its configuration file holds.</summary>
internal sealed record MachineSettings
{
    public required string Name { get; init; }

    /// <summary>The VM's id, which its configuration file carries.</summary>
    public Guid? MachineId { get; init; }
    public string Notes { get; init; } = "";
    public required int Generation { get; init; }
    public string Version { get; init; } = "9.0";
    public required string ConfigurationRoot { get; init; }
    public required string SnapshotRoot { get; init; }
    public required string PagingRoot { get; init; }

    /// <summary>Path below <see cref="ConfigurationRoot"/>.</summary>
    public required string ConfigurationFile { get; init; }
    public required Guid BiosId { get; init; }
    public required Guid ScsiController { get; init; }
    public required IReadOnlyList<DiskSlot> Disks { get; init; }
    /// <summary>Disks beside these that no checkpoint holds.</summary>
    public IReadOnlyList<OutsideDisk> Outside { get; init; } = [];
    public required IReadOnlyList<Adapter> Adapters { get; init; }
    public required GuestSettings Guest { get; init; }

    /// <summary>True from configuration version 6.2 on: change tracking and reference points are there.</summary>
    [JsonIgnore]
    public bool Tracks => !System.Version.TryParse(Version, out var version) || version >= new Version(6, 2);

    /// <summary>Host path of the configuration file.</summary>
    public string ConfigurationPath => $@"{ConfigurationRoot}\{ConfigurationFile}";
}
