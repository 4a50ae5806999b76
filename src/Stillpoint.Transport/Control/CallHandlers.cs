using System.Text.Json;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.Logging;
using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>Binds the primary's calls to a role's handler. Each gives a value back, so that the caller can wait for it, and each runs beside
/// the others: an inventory that takes its time does not hold up a cancel. Whatever a handler throws fails its call and nothing else.</summary>
/// <param name="connection">The connection that the calls come over.</param>
/// <param name="role">What the role calls itself in troubles: <see cref="Client"/> or <see cref="Media"/>.</param>
/// <param name="answers">Where answers are kept that are too long for a message.</param>
/// <param name="log">Where the details of failures go that are no troubles.</param>
internal sealed class CallHandlers(HubConnection connection, string role, LongAnswers answers, ILogger log)
{
    internal const string Client = "client", Media = "media server";

    internal void Bind(IClientCalls handler)
    {
        On<BackupOrder>(nameof(IClientCalls.RunBackup), handler.RunBackup);
        On<RestoreVmOrder>(nameof(IClientCalls.RunRestoreVm), handler.RunRestoreVm);
        On<RestoreDiskOrder>(nameof(IClientCalls.RunRestoreDisk), handler.RunRestoreDisk);
        On<RollbackOrder>(nameof(IClientCalls.RunRollback), handler.RunRollback);
        On<Guid>(nameof(IClientCalls.Cancel), handler.Cancel);
        connection.On(nameof(IClientCalls.TakeInventory), () => Run(nameof(IClientCalls.TakeInventory), handler.TakeInventory));
        On<IReadOnlyList<Intent>, SweepReport>(nameof(IClientCalls.Sweep), handler.Sweep);
        On<PreflightOrder, PreflightReport>(nameof(IClientCalls.Preflight), handler.Preflight);
        BindParts();
    }

    internal void Bind(IMediaCalls handler)
    {
        connection.On<string, string, int, int, JsonElement>(nameof(IMediaCalls.AttachUnit), (name, folder, chunkSize, level) =>
            Run(nameof(IMediaCalls.AttachUnit), () => handler.AttachUnit(name, folder, chunkSize, level)));
        On<string, IReadOnlyList<ImageSummary>>(nameof(IMediaCalls.ListImages), handler.ListImages);
        On<string, IReadOnlyList<Guid>, IReadOnlyList<SealedImage>>(nameof(IMediaCalls.ReadImages), handler.ReadImages);
        On<string, string>(nameof(IMediaCalls.ReadHead), handler.ReadHead);
        On<string, byte[], bool>(nameof(IMediaCalls.AttachPrimary), (unit, key) => Done(handler.AttachPrimary(unit, key)));
        On<string, DetachOrder, bool>(nameof(IMediaCalls.DetachPrimary), (unit, order) => Done(handler.DetachPrimary(unit, order)));
        connection.On<string, RetentionPolicy, Guid?, JsonElement>(nameof(IMediaCalls.PlanPrune), (unit, policy, vm) =>
            Run(nameof(IMediaCalls.PlanPrune), () => handler.PlanPrune(unit, policy, vm)));
        On<string, PrunePlan, IReadOnlyList<Guid>>(nameof(IMediaCalls.ExecutePrune), handler.ExecutePrune);
        On<string, CollectPlan>(nameof(IMediaCalls.PlanCollect), handler.PlanCollect);
        On<string, CollectPlan, CollectState>(nameof(IMediaCalls.StartCollect), handler.StartCollect);
        On<string, CollectState>(nameof(IMediaCalls.ReadCollect), handler.ReadCollect);
        On<string, Guid, VerifyResult>(nameof(IMediaCalls.Verify), handler.Verify);
        BindParts();
    }

    private void BindParts() => connection.On<long, long, byte[]>(RoleCall.ReadAnswer, (id, offset) =>
        Guard(RoleCall.ReadAnswer, () => Task.FromResult(answers.Read(id, offset))));

    private void On<T>(string method, Func<T, Task> call) => On<T, bool>(method, argument => Done(call(argument)));

    private void On<T, TAnswer>(string method, Func<T, Task<TAnswer>> call) =>
        connection.On<T, JsonElement>(method, argument => Run(method, () => call(argument)));

    private void On<T1, T2, TAnswer>(string method, Func<T1, T2, Task<TAnswer>> call) =>
        connection.On<T1, T2, JsonElement>(method, (first, second) => Run(method, () => call(first, second)));

    private static async Task<bool> Done(Task call)
    {
        await call;
        return true;
    }

    private Task<JsonElement> Run<T>(string method, Func<Task<T>> call) =>
        Guard(method, async () => answers.Give(method, role, await call()));

    private async Task<T> Guard<T>(string method, Func<Task<T>> call)
    {
        try
        {
            return await Task.Run(call);
        }
        catch (TroubleException e)
        {
            throw TroubleWire.Write(e.Trouble);
        }
        catch (Exception e)
        {
            log.LogError(e, "The primary server's call {Call} failed.", method);
            throw TroubleWire.Write(new Trouble(null, role, $"The call {method} failed by an error that nobody expected.", "Look at its log for the detail."));
        }
    }
}
