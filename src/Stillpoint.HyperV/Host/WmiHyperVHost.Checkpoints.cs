using Stillpoint.Model;

namespace Stillpoint.HyperV;

internal sealed partial class WmiHyperVHost
{
    /// <summary>Recovery snapshot: not in the published schema, but what Microsoft's own backup module and every backup product send.</summary>
    private const long RecoverySnapshot = 32768;

    private const long FullSnapshot = 2;

    /// <inheritdoc/>
    public Task<IReadOnlyList<Checkpoint>> ListCheckpointsAsync(Guid vmId, CancellationToken cancel) =>
        host.ForAsync(vmId, "list its checkpoints", async () =>
        {
            var checkpoints = new List<Checkpoint>();
            foreach (var settings in await SnapshotsOfAsync(vmId, cancel))
            {
                try
                {
                    checkpoints.Add(await WithDisksAsync(settings, cancel));
                }
                catch (WsManFaultException e) when (e.Fault.IsNotFound)
                {
                    // It was removed between the two questions: a merge that just ended, somebody at the console.
                }
            }
            return (IReadOnlyList<Checkpoint>)checkpoints;
        });

    /// <inheritdoc/>
    public Task<Checkpoint> CreateRecoveryCheckpointAsync(
        Guid vmId, bool applicationConsistent, GuestBackupType guestBackupType, CancellationToken cancel) =>
        host.ForAsync(vmId, $"take {(applicationConsistent ? "an application-consistent" : "a crash-consistent")} checkpoint", async () =>
        {
            var settings = new EmbeddedInstance(HyperVNames.SnapshotSettings)
                .Number("ConsistencyLevel", "uint8", applicationConsistent ? 1 : 2)
                .Flag("IgnoreNonSnapshottableDisks", true);
            if (guestBackupType != GuestBackupType.HostDefault)
                settings.Number("GuestBackupType", "uint8", guestBackupType == GuestBackupType.Full ? 1 : 2);
            return await CreateSnapshotAsync(vmId, settings.ToString(), RecoverySnapshot, cancel);
        });

    /// <inheritdoc/>
    public Task<Checkpoint> CreateCheckpointAsync(Guid vmId, CancellationToken cancel) => host.ForAsync(vmId, "take a checkpoint", () =>
        CreateSnapshotAsync(vmId, new EmbeddedInstance(HyperVNames.SnapshotSettings)
            .Number("ConsistencyLevel", "uint8", 2)
            .Flag("IgnoreNonSnapshottableDisks", true)
            .ToString(), FullSnapshot, cancel));

    /// <inheritdoc/>
    public Task ApplyCheckpointAsync(string checkpointId, CancellationToken cancel) =>
        host.ForAsync(null, $"apply checkpoint {checkpointId}", () => host.CallAsync(new MethodCall(Snapshots, "ApplySnapshot",
            MethodParameter.Reference("Snapshot", HyperVNames.Instance(HyperVNames.Settings, checkpointId))), cancel));

    /// <inheritdoc/>
    public Task<bool> HasGuestBackupTypeAsync(Guid vmId, CancellationToken cancel) => host.ForAsync(vmId, "tell what its host can do", async () =>
    {
        // The property came with version 1703 and cannot be seen from here; this one came with 1709, and every instance lists all that its
        // schema has. Of the servers, 2016 (1607) has neither and 2019 (1809) has both.
        var settings = await SettingsOfAsync(HyperVNames.System(HyperVNames.ComputerSystem, vmId), cancel);
        return settings is [var own, ..] && own.Has("AutomaticSnapshotsEnabled");
    });

    /// <inheritdoc/>
    public Task RenameCheckpointAsync(string checkpointId, string name, CancellationToken cancel) =>
        host.ForAsync(null, $"rename checkpoint {checkpointId}", () => host.CallAsync(new MethodCall(Management, "ModifySystemSettings",
            MethodParameter.Text("SystemSettings", new EmbeddedInstance(HyperVNames.Settings)
                .Text("InstanceID", checkpointId)
                .Text("ElementName", name)
                .ToString())), cancel));

    /// <inheritdoc/>
    public Task DestroyCheckpointAsync(string checkpointId, CancellationToken cancel) =>
        host.ForAsync(null, $"remove checkpoint {checkpointId}", () => host.CallAsync(new MethodCall(Snapshots, "DestroySnapshot",
            MethodParameter.Reference("AffectedSnapshot", HyperVNames.Instance(HyperVNames.Settings, checkpointId))), cancel));

    /// <inheritdoc/>
    public Task<string?> GetLastAppliedSnapshotAsync(Guid vmId, CancellationToken cancel) =>
        host.ForAsync(vmId, "tell its last applied checkpoint", async () =>
        {
            var system = HyperVNames.System(HyperVNames.ComputerSystem, vmId);
            var applied = await host.QueryAsync(Wql.Associators(system, "Msvm_LastAppliedSnapshot", HyperVNames.Settings), cancel);
            return applied is [var snapshot, ..] ? snapshot.Required("InstanceID") : null;
        });

    private async Task<Checkpoint> CreateSnapshotAsync(Guid vmId, string settings, long type, CancellationToken cancel)
    {
        var result = await host.CallAsync(new MethodCall(Snapshots, "CreateSnapshot",
            MethodParameter.Reference("AffectedSystem", HyperVNames.System(HyperVNames.ComputerSystem, vmId)),
            MethodParameter.Text("SnapshotSettings", settings),
            MethodParameter.Number("SnapshotType", type)), cancel);
        var made = await host.CreatedAsync(result, "ResultingSnapshot", HyperVNames.Settings, cancel)
            ?? throw new InvalidAnswerException("the host took a checkpoint but does not say which");
        return await WithDisksAsync(await host.GetAsync(made, cancel), cancel);
    }

    private Task<IReadOnlyList<CimInstance>> SnapshotsOfAsync(Guid vmId, CancellationToken cancel) => host.QueryAsync(
        Wql.Associators(HyperVNames.System(HyperVNames.ComputerSystem, vmId), "Msvm_SnapshotOfVirtualSystem", HyperVNames.Settings), cancel);

    private async Task<Checkpoint> WithDisksAsync(CimInstance settings, CancellationToken cancel) =>
        SettingsReader.Checkpoint(settings, await DisksOfAsync(HyperVNames.Instance(HyperVNames.Settings, settings.Required("InstanceID")), cancel));
}
