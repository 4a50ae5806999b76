using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Client;
using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>The primary as a role sees it, over whatever connection there is.</summary>
internal sealed class PrimaryCalls(ControlConnection connection, CancellationToken cancel) : IPrimaryCalls
{
    /// <summary>An error that is no trouble may be a connection that closes in that moment, or a bug: tried so often, then told.</summary>
    private const int UnknownErrors = 5;

    public Task<RoleWelcome> Hello(RoleHello hello) =>
        throw new InvalidOperationException("The connection says hello by itself.");

    public Task ReportPhase(Guid jobId, PhaseRecord phase) => TrySend(nameof(ReportPhase), jobId, phase);

    public Task ReportProgress(Guid jobId, JobProgress progress) => TrySend(nameof(ReportProgress), jobId, progress);

    public Task ReportLog(Guid jobId, string line) => TrySend(nameof(ReportLog), jobId, line);

    public Task RecordIntent(Intent intent) => UntilAnswered(nameof(RecordIntent), intent);

    public Task EndIntent(Guid intentId) => UntilAnswered(nameof(EndIntent), intentId);

    public Task ReportOutcome(JobReport report) => UntilAnswered(nameof(ReportOutcome), report);

    private async Task TrySend(string method, params object?[] arguments)
    {
        if (!connection.IsConnected) return;
        try
        {
            await connection.Hub.SendCoreAsync(method, arguments, cancel);
        }
        catch (Exception e) when (!cancel.IsCancellationRequested && e is not OutOfMemoryException)
        {
            // The connection went in this moment: what is told this way may be lost.
        }
    }

    private async Task UntilAnswered(string method, params object?[] arguments)
    {
        var unknown = 0;
        for (var attempt = 0; ; attempt++)
        {
            await connection.WelcomedAsync(cancel);
            try
            {
                await connection.Hub.InvokeCoreAsync<object?>(method, arguments, cancel);
                return;
            }
            catch (HubException e) when (TroubleWire.TryRead(e, out var trouble) && !trouble.Retry)
            {
                throw new TroubleException(trouble, e);
            }
            catch (HubException e) when (!TroubleWire.TryRead(e, out _) && ++unknown >= UnknownErrors)
            {
                throw new TroubleException("primary server", $"The call {method} did not succeed: {e.Message}",
                    "Look at the primary server's log.", inner: e);
            }
            catch (Exception e) when (!cancel.IsCancellationRequested && e is not OutOfMemoryException)
            {
                // Lost on the way, or to be tried again: the next round waits for a connection.
            }
            await connection.Pause(Math.Min(attempt, 6), cancel);
        }
    }
}
