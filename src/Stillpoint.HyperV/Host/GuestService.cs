namespace Stillpoint.HyperV;

/// <summary>What a host sees of the backup integration service in a guest (<c>Msvm_VssComponent</c>).</summary>
public enum GuestService
{
    /// <summary>The host does not say.</summary>
    Unknown,
    Ok,

    /// <summary>It works, by another version of the protocol than the host's, or with a complaint.</summary>
    Degraded,

    /// <summary>It is switched off in the VM's settings.</summary>
    Disabled,

    /// <summary>The guest does not answer: it has none, it has not started yet, or it hangs.</summary>
    NoContact,
}

/// <summary>The version of a host (<c>Win32_OperatingSystem</c>).</summary>
/// <param name="Version">For example <c>10.0.20348</c>.</param>
/// <param name="Name">For people, in the host's language; may be empty.</param>
public sealed record HostVersion(Version Version, string Name)
{
    /// <summary>Windows Server 2016: the first with recovery checkpoints and change tracking over WMI.</summary>
    public static Version First { get; } = new(10, 0, 14393);
}
