namespace Stillpoint.HyperV;

internal sealed partial class WmiHyperVHost
{
    private const long Enabled = 2;

    /// <summary>Msvm_ConcreteJob.JobType: Merging VHD.</summary>
    private const long MergeJob = 50;

    /// <inheritdoc/>
    public Task<GuestService> GetGuestServiceAsync(Guid vmId, CancellationToken cancel) =>
        host.ForAsync(vmId, "tell of its guest's backup service", async () =>
        {
            var rows = await host.QueryAsync(Wql.SelectWhere(HyperVNames.VssComponent, "SystemName", HyperVNames.Text(vmId)), cancel);
            if (rows is not [var component, ..]) return GuestService.Unknown;
            if (component.Number("EnabledState") is { } state and not Enabled) return state == Disabled ? GuestService.Disabled : GuestService.Unknown;
            return component.Numbers("OperationalStatus") switch
            {
                [2, ..] => GuestService.Ok,
                [3, ..] => GuestService.Degraded,
                [12 or 13, ..] => GuestService.NoContact,
                _ => GuestService.Unknown,
            };
        });

    /// <inheritdoc/>
    public Task<HostVersion?> GetVersionAsync(CancellationToken cancel) => host.ForAsync(null, "tell its version", async () =>
    {
        try
        {
            var rows = await host.QueryCimv2Async(Wql.SelectAll("Win32_OperatingSystem"), cancel);
            return rows is [var system, ..] && Version.TryParse(system.Text("Version"), out var version)
                ? new HostVersion(version, system.Text("Caption") ?? "")
                : null;
        }
        catch (WsManFaultException e) when (e.Fault.IsAccessDenied || e.Fault.IsNoSuchClass || e.Fault.IsNotFound)
        {
            // An account of the Hyper-V Administrators need not have this namespace: what is not told is not known.
            return null;
        }
    });

    /// <inheritdoc/>
    public Task<bool> IsMergingDisabledAsync(Guid vmId, CancellationToken cancel) =>
        host.ForAsync(vmId, "tell whether its disks may merge", async () => await MergeSettingAsync(vmId, cancel) is { } setting
            && setting.Number("EnabledState") == 0);

    /// <inheritdoc/>
    public Task EnableMergingAsync(Guid vmId, CancellationToken cancel) => host.ForAsync(vmId, "let its disks merge", async () =>
    {
        var id = (await MergeSettingAsync(vmId, cancel))?.Required("InstanceID") ?? throw host.Trouble(vmId, "has no merge settings.",
            "Restart the host's service vmms: that lets disks merge again.");
        await host.CallAsync(new MethodCall(Management, "ModifyDiskMergeSettings", MethodParameter.Text("SettingData",
            new EmbeddedInstance(HyperVNames.DiskMergeSetting).Text("InstanceID", id).Number("EnabledState", "uint32", 1).ToString())), cancel);
    });

    /// <inheritdoc/>
    public Task<MergeState> GetMergeAsync(Guid vmId, CancellationToken cancel) => host.ForAsync(vmId, "tell how its disks merge", async () =>
    {
        if (!await IsMergingAsync(vmId, cancel)) return new MergeState(false);
        var jobs = await host.QueryAsync(Wql.Associators(
            HyperVNames.System(HyperVNames.ComputerSystem, vmId), HyperVNames.AffectedJobElement, "Msvm_ConcreteJob"), cancel);
        var newest = jobs.Where(j => j.Number("JobType") == MergeJob).OrderByDescending(j => j.Time("StartTime") ?? DateTimeOffset.MinValue).FirstOrDefault();
        if (newest is null) return new MergeState(true);
        var job = HostJob.Read(newest);
        return job.State == HostJobState.Failed
            ? new MergeState(true, null, job.Description)
            : new MergeState(true, newest.Number("PercentComplete") is { } percent ? (int)Math.Min(percent, 100) : null);
    });

    private async Task<CimInstance?> MergeSettingAsync(Guid vmId, CancellationToken cancel)
    {
        var rows = await host.QueryAsync(Wql.SelectAll(HyperVNames.DiskMergeSetting), cancel);
        return rows.FirstOrDefault(r => SettingsReader.Owner(r.Required("InstanceID")) == vmId);
    }
}
