namespace Stillpoint.HyperV;

/// <summary>
/// A Hyper-V host through <c>root\virtualization\v2</c> over WS-Management. One file a concern: inventory, checkpoints, change tracking,
/// planned VMs.
/// </summary>
internal sealed partial class WmiHyperVHost(HostConnection host) : IHyperVHost
{
    private static readonly EndpointReference Management = HyperVNames.Service(HyperVNames.ManagementService);
    private static readonly EndpointReference Snapshots = HyperVNames.Service(HyperVNames.SnapshotService);
    private static readonly EndpointReference ReferencePoints = HyperVNames.Service(HyperVNames.ReferencePointService);
    private static readonly EndpointReference Images = HyperVNames.Service(HyperVNames.ImageService);

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        host.Dispose();
        return ValueTask.CompletedTask;
    }

    private Task<IReadOnlyList<CimInstance>> DisksOfAsync(EndpointReference settings, CancellationToken cancel) =>
        host.QueryAsync(Wql.Associators(settings, "Msvm_VirtualSystemSettingDataComponent", HyperVNames.DiskSetting), cancel);

    private Task<IReadOnlyList<CimInstance>> SettingsOfAsync(EndpointReference system, CancellationToken cancel) =>
        host.QueryAsync(Wql.Associators(system, "Msvm_SettingsDefineState", HyperVNames.Settings), cancel);
}
