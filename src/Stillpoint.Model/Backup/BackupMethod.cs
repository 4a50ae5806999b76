namespace Stillpoint.Model;

/// <summary>How a client takes the snapshot of a VM.</summary>
public enum BackupMethod
{
    /// <summary>Recovery checkpoint, reference point, resilient change tracking; hosts of Windows Server 2016 and later.</summary>
    Wmi,

    /// <summary>Hyper-V writer and a shadow copy of the host's volume; hosts of Windows Server 2012 and later.</summary>
    Vss,
}
