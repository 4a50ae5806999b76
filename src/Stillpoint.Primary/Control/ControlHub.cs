using Microsoft.AspNetCore.SignalR;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Primary;

/// <summary>
/// What clients and media servers call, <see cref="IPrimaryCalls"/>. Who calls is read from the certificate of the connection, never from a
/// message. SignalR runs the calls of one connection one after the other, so phases arrive in their order.
/// </summary>
internal sealed class ControlHub(Arrivals arrivals, JobReports reports) : Hub, IPrimaryCalls
{
    private Peer Caller => PeerHandler.PeerOf(Context.User) ?? throw new HubException("No sound certificate.");

    private string Client => Caller is { Role: PeerRoles.Client } caller ? caller.Name : throw new HubException("Only a client may call this.");

    public Task<RoleWelcome> Hello(RoleHello hello)
    {
        var caller = Caller;
        return arrivals.Hello(new Connection(caller.Name, caller.Role, Context.ConnectionId, hello, Context.Abort));
    }

    public Task ReportPhase(Guid jobId, PhaseRecord phase) => reports.Phase(Client, jobId, phase);

    public Task ReportProgress(Guid jobId, JobProgress progress) => reports.Progress(Client, jobId, progress);

    public Task ReportLog(Guid jobId, string line) => reports.Log(Client, jobId, line);

    public Task RecordIntent(Intent intent) => reports.RecordIntent(Client, intent);

    public Task EndIntent(Guid intentId) => reports.EndIntent(Client, intentId);

    public Task ReportOutcome(JobReport report) => reports.Outcome(Client, report);

    public override async Task OnDisconnectedAsync(Exception? exception)
    {
        var caller = Caller;
        await arrivals.Gone(caller.Role, caller.Name, Context.ConnectionId);
        await base.OnDisconnectedAsync(exception);
    }
}
