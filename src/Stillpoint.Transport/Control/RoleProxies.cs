using Microsoft.AspNetCore.SignalR;
using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>The primary's way to call a connected role: every call waits for the other side's answer, and its troubles come back as
/// <see cref="TroubleException"/>. (SignalR's own typed proxies do not wait where no value is returned.)</summary>
public static class RoleProxies
{
    /// <summary>A client.</summary>
    /// <param name="connection">From <c>Clients.Client(connectionId)</c>.</param>
    /// <param name="name">The client's name, for messages.</param>
    /// <param name="cancel">Ends the waiting.</param>
    /// <param name="heard">Told of each part of an answer that is longer than a message: whoever waits may wait on.</param>
    public static IClientCalls Client(ISingleClientProxy connection, string name, CancellationToken cancel, Action? heard = null) =>
        new ClientProxy(new RoleCall(connection, CallHandlers.Client, name, heard, cancel));

    /// <summary>A media server.</summary>
    /// <inheritdoc cref="Client"/>
    public static IMediaCalls Media(ISingleClientProxy connection, string name, CancellationToken cancel, Action? heard = null) =>
        new MediaProxy(new RoleCall(connection, CallHandlers.Media, name, heard, cancel));

    private sealed class ClientProxy(RoleCall call) : IClientCalls
    {
        public Task RunBackup(BackupOrder order) => call.Invoke<bool>(nameof(RunBackup), order);
        public Task RunRestoreVm(RestoreVmOrder order) => call.Invoke<bool>(nameof(RunRestoreVm), order);
        public Task RunRestoreDisk(RestoreDiskOrder order) => call.Invoke<bool>(nameof(RunRestoreDisk), order);
        public Task RunRollback(RollbackOrder order) => call.Invoke<bool>(nameof(RunRollback), order);
        public Task Cancel(Guid jobId) => call.Invoke<bool>(nameof(Cancel), jobId);
        public Task<SweepReport> Sweep(IReadOnlyList<Intent> known) => call.Invoke<SweepReport>(nameof(Sweep), known);
        public Task<PreflightReport> Preflight(PreflightOrder order) => call.Invoke<PreflightReport>(nameof(Preflight), order);
        public Task<HostInventory> TakeInventory() => call.Invoke<HostInventory>(nameof(TakeInventory));
    }

    private sealed class MediaProxy(RoleCall call) : IMediaCalls
    {
        public Task<StorageUnitInfo> AttachUnit(string name, string folder, int chunkSize, int compressionLevel) =>
            call.Invoke<StorageUnitInfo>(nameof(AttachUnit), name, folder, chunkSize, compressionLevel);
        public Task<IReadOnlyList<ImageSummary>> ListImages(string unit) => call.Invoke<IReadOnlyList<ImageSummary>>(nameof(ListImages), unit);
        public Task<IReadOnlyList<SealedImage>> ReadImages(string unit, IReadOnlyList<Guid> images) =>
            call.Invoke<IReadOnlyList<SealedImage>>(nameof(ReadImages), unit, images);
        public Task<string> ReadHead(string unit) => call.Invoke<string>(nameof(ReadHead), unit);
        public Task AttachPrimary(string unit, byte[] publicKey) => call.Invoke<bool>(nameof(AttachPrimary), unit, publicKey);
        public Task DetachPrimary(string unit, DetachOrder order) => call.Invoke<bool>(nameof(DetachPrimary), unit, order);
        public Task<PrunePlan> PlanPrune(string unit, RetentionPolicy policy, Guid? vm) => call.Invoke<PrunePlan>(nameof(PlanPrune), unit, policy, vm);
        public Task<IReadOnlyList<Guid>> ExecutePrune(string unit, PrunePlan plan) => call.Invoke<IReadOnlyList<Guid>>(nameof(ExecutePrune), unit, plan);
        public Task<CollectPlan> PlanCollect(string unit) => call.Invoke<CollectPlan>(nameof(PlanCollect), unit);
        public Task<CollectState> StartCollect(string unit, CollectPlan plan) => call.Invoke<CollectState>(nameof(StartCollect), unit, plan);
        public Task<CollectState> ReadCollect(string unit) => call.Invoke<CollectState>(nameof(ReadCollect), unit);
        public Task<VerifyResult> Verify(string unit, Guid imageId) => call.Invoke<VerifyResult>(nameof(Verify), unit, imageId);
    }
}
