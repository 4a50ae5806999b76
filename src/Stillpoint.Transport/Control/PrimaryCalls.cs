using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.Logging;
using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>The primary as a role sees it, over whatever connection there is.</summary>
internal sealed class PrimaryCalls(ControlConnection connection, CancellationToken cancel) : IPrimaryCalls
{
    /// <summary>An error that is no trouble may be a connection that closes in that moment, or a bug: tried so often, then told.</summary>
    private const int UnknownErrors = 5;

    /// <summary>What the protocol puts around the arguments, bytes, with room to spare.</summary>
    private const int Envelope = 4096;

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
        if (!connection.IsConnected || TooLong(method, arguments) is not null) return;
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
        // The primary would cut the connection at it, and be asked again on the next one.
        if (TooLong(method, arguments) is { } trouble) throw new TroubleException(trouble);
        var unknown = 0;
        for (var attempt = 0; ; attempt++)
        {
            await connection.WelcomedAsync(cancel);
            try
            {
                await connection.Hub.InvokeCoreAsync<object?>(method, arguments, cancel);
                return;
            }
            catch (HubException e) when (TroubleWire.TryRead(e, out var refused) && !refused.Retry)
            {
                throw new TroubleException(refused, e);
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

    /// <summary>Why a message cannot be sent, which the log is told too; null when it can.</summary>
    private Trouble? TooLong(string method, object?[] arguments)
    {
        var most = ControlProtocol.MaxMessage - Envelope;
        // As the protocol writes it: with the escapes of a plain writer.
        var written = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(written)) JsonSerializer.Serialize(json, arguments, Words.Json);
        if (written.WrittenCount <= most) return null;
        connection.Log.LogError("The message {Call} to the primary server is too long to be sent: {Size}, {Most} is the most.",
            method, Bytes.Format(written.WrittenCount), Bytes.Format(most));
        return new Trouble(null, "message to the primary server",
            $"{method} is too long to be sent: {Bytes.Format(written.WrittenCount)}, {Bytes.Format(most)} is the most.", "Look at the log of the role that sends it.");
    }
}
