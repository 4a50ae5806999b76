using Stillpoint.Model;

namespace Stillpoint.HyperV;

/// <summary>Waits for a job of the host, asking at rising intervals.</summary>
internal sealed class JobFollower(WsManClient client, TimeProvider time, TimeSpan limit)
{
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(2);

    /// <summary>How long the host may be out of reach while its job runs: it goes on meanwhile.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>Returns when the job has completed, with warnings or without.</summary>
    /// <param name="method">The method that started it, for messages.</param>
    /// <param name="job">Its reference, whose own class is asked: image management answers with another than the rest.</param>
    /// <param name="cancel">Stops waiting, not the job.</param>
    /// <exception cref="HostCallException">The job failed.</exception>
    /// <exception cref="TroubleException">It did not end in time, or the host went away.</exception>
    public async Task FollowAsync(string method, EndpointReference job, CancellationToken cancel)
    {
        var started = time.GetTimestamp();
        var heard = started;
        for (var delay = FirstDelay; ; delay = Longer(delay))
        {
            await Task.Delay(delay, time, cancel);
            HostJob state;
            try
            {
                state = HostJob.Read(await client.GetAsync(job, cancel));
                heard = time.GetTimestamp();
            }
            catch (TroubleException e) when (e.Trouble.Retry && time.GetElapsedTime(heard) < Patience)
            {
                continue;
            }
            catch (WsManFaultException e) when (e.Fault.IsNotFound)
            {
                throw new HostCallException(method, 0,
                    ["The host no longer knows the job that it started; its management service may have been restarted."]);
            }
            if (state.State is HostJobState.Completed or HostJobState.CompletedWithWarnings) return;
            if (state.State is HostJobState.Failed) throw await FailureAsync(method, job, state, cancel);
            if (time.GetElapsedTime(started) > limit)
                throw new HostCallException(method, 32772, [$"The job still ran after {limit}; it goes on on the host."]);
        }
    }

    private static TimeSpan Longer(TimeSpan delay) => delay * 1.5 < LongestDelay ? delay * 1.5 : LongestDelay;

    /// <summary>The job's errors in the host's words: GetErrorEx tells the most, the job's own description is the second best.</summary>
    private async Task<HostCallException> FailureAsync(string method, EndpointReference job, HostJob state, CancellationToken cancel)
    {
        var messages = new List<string>();
        try
        {
            var output = await client.InvokeAsync(new MethodCall(job, "GetErrorEx"), cancel);
            foreach (var text in output.Texts("Errors"))
            {
                if (text.Length > 0 && EmbeddedInstance.Parse(text).Text("Message") is { Length: > 0 } message) messages.Add(message.Trim());
            }
        }
        catch (Exception e) when (e is WsManFaultException or InvalidAnswerException or TroubleException)
        {
            // The job's failure is what matters; that its details cannot be had does not hide it.
        }
        if (state.Description.Length > 0 && messages.Count == 0) messages.Add(state.Description);
        return new(method, state.ErrorCode, [.. messages.Distinct()]);
    }
}
