using Microsoft.AspNetCore.SignalR.Client;
using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>Binds the primary's calls to a role's handler. Each gives a value back, so that the caller can wait for it, and each runs beside
/// the others: an inventory that takes its time does not hold up a cancel.</summary>
internal static class CallHandlers
{
    internal static void Bind(HubConnection connection, IClientCalls handler)
    {
        connection.On<BackupOrder, bool>(nameof(IClientCalls.RunBackup), order => Run(() => handler.RunBackup(order)));
        connection.On<RestoreVmOrder, bool>(nameof(IClientCalls.RunRestoreVm), order => Run(() => handler.RunRestoreVm(order)));
        connection.On<RestoreDiskOrder, bool>(nameof(IClientCalls.RunRestoreDisk), order => Run(() => handler.RunRestoreDisk(order)));
        connection.On<RollbackOrder, bool>(nameof(IClientCalls.RunRollback), order => Run(() => handler.RunRollback(order)));
        connection.On<Guid, bool>(nameof(IClientCalls.Cancel), id => Run(() => handler.Cancel(id)));
        connection.On(nameof(IClientCalls.TakeInventory), () => Run(handler.TakeInventory));
        connection.On<IReadOnlyList<Intent>, SweepReport>(nameof(IClientCalls.Sweep), known => Run(() => handler.Sweep(known)));
        connection.On<PreflightOrder, PreflightReport>(nameof(IClientCalls.Preflight), order => Run(() => handler.Preflight(order)));
    }

    internal static void Bind(HubConnection connection, IMediaCalls handler)
    {
        connection.On<string, string, int, int, StorageUnitInfo>(nameof(IMediaCalls.AttachUnit),
            (name, folder, chunkSize, level) => Run(() => handler.AttachUnit(name, folder, chunkSize, level)));
        connection.On<string, IReadOnlyList<ImageSummary>>(nameof(IMediaCalls.ListImages), unit => Run(() => handler.ListImages(unit)));
        connection.On<string, IReadOnlyList<Guid>, IReadOnlyList<SealedImage>>(nameof(IMediaCalls.ReadImages),
            (unit, images) => Run(() => handler.ReadImages(unit, images)));
        connection.On<string, string>(nameof(IMediaCalls.ReadHead), unit => Run(() => handler.ReadHead(unit)));
        connection.On<string, byte[], bool>(nameof(IMediaCalls.AttachPrimary), (unit, key) => Run(() => handler.AttachPrimary(unit, key)));
        connection.On<string, DetachOrder, bool>(nameof(IMediaCalls.DetachPrimary), (unit, order) => Run(() => handler.DetachPrimary(unit, order)));
        connection.On<string, RetentionPolicy, Guid?, PrunePlan>(nameof(IMediaCalls.PlanPrune),
            (unit, policy, vm) => Run(() => handler.PlanPrune(unit, policy, vm)));
        connection.On<string, PrunePlan, IReadOnlyList<Guid>>(nameof(IMediaCalls.ExecutePrune), (unit, plan) => Run(() => handler.ExecutePrune(unit, plan)));
        connection.On<string, CollectPlan>(nameof(IMediaCalls.PlanCollect), unit => Run(() => handler.PlanCollect(unit)));
        connection.On<string, CollectPlan, CollectState>(nameof(IMediaCalls.StartCollect), (unit, plan) => Run(() => handler.StartCollect(unit, plan)));
        connection.On<string, CollectState>(nameof(IMediaCalls.ReadCollect), unit => Run(() => handler.ReadCollect(unit)));
        connection.On<string, Guid, VerifyResult>(nameof(IMediaCalls.Verify), (unit, image) => Run(() => handler.Verify(unit, image)));
    }

    private static Task<bool> Run(Func<Task> call) => Run(async () =>
    {
        await call();
        return true;
    });

    private static async Task<T> Run<T>(Func<Task<T>> call)
    {
        try
        {
            return await Task.Run(call);
        }
        catch (TroubleException e)
        {
            throw TroubleWire.Write(e.Trouble);
        }
    }
}
