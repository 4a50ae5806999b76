using Stillpoint.Model;

namespace Stillpoint.HyperV;

/// <summary>
/// Calls on one host, each to its end: queries, and methods with the jobs that they start. Errors are still the host's
/// (<see cref="WsManFaultException"/>, <see cref="HostCallException"/>, <see cref="InvalidAnswerException"/>) so that a caller can look at their
/// codes; <see cref="ForAsync{T}"/> makes troubles of them at the edge.
/// </summary>
internal sealed class HostConnection(HyperVHostOptions options, TimeProvider time, Func<Guid> newId, ISchemaWitness? witness = null) : IDisposable
{
    private const int Create = 5;

    private readonly WsManClient _client = new(options, time, newId, witness);

    public TimeProvider Time { get; } = time;

    public TimeSpan JobTimeout => options.JobTimeout;

    /// <summary>The host as messages name it.</summary>
    public string Name { get; } = $"host {options.Url.Host}";

    public void Dispose() => _client.Dispose();

    public Task<IReadOnlyList<CimInstance>> QueryAsync(string wql, CancellationToken cancel) => _client.QueryAsync(HyperVNames.AnyClass, wql, cancel);

    /// <summary>Some properties of many instances: a tenth of what whole instances take on the way.</summary>
    public async Task<IReadOnlyList<CimInstance>> QueryAsync(Projection what, CancellationToken cancel)
    {
        var selected = what.Properties.ToHashSet(StringComparer.OrdinalIgnoreCase);
        return [.. (await QueryAsync(Wql.Select(what), cancel)).Select(row => row.Of(what.ClassName, selected))];
    }

    /// <summary>A query in <c>root\cimv2</c>: the host itself.</summary>
    public Task<IReadOnlyList<CimInstance>> QueryCimv2Async(string wql, CancellationToken cancel) =>
        _client.QueryAsync(HyperVNames.AnyCimv2Class, wql, cancel);

    public Task<CimInstance> GetAsync(EndpointReference target, CancellationToken cancel) => _client.GetAsync(target, cancel);

    /// <summary>Calls a method and follows its job, if it starts one, to the end.</summary>
    /// <exception cref="HostCallException">It returned an error or its job failed.</exception>
    public async Task<CallResult> CallAsync(MethodCall call, CancellationToken cancel)
    {
        var output = await _client.InvokeAsync(call, cancel);
        var code = output.Number("ReturnValue") ?? throw new InvalidAnswerException($"{call.Method} gave no ReturnValue");
        if (code is not (ReturnCode.Done or ReturnCode.JobStarted)) throw new HostCallException(call.Method, code, []);
        var job = output.Reference("Job");
        if (code == ReturnCode.JobStarted)
        {
            if (job is null) throw new InvalidAnswerException($"{call.Method} says that it started a job, but names none");
            await new JobFollower(_client, Time, options.JobTimeout).FollowAsync(call.Method, job, cancel);
        }
        return new(output, job);
    }

    /// <summary>
    /// What a finished call made. After a job the call's own out-reference is empty: the host tells by an association with effect 5 (Create),
    /// which appears when the job is done. An out-reference that did come, from a call that ended at once, is taken.
    /// </summary>
    /// <param name="result">The finished call.</param>
    /// <param name="parameter">The out-reference's name.</param>
    /// <param name="className">Class of what was made.</param>
    /// <param name="cancel">Stops.</param>
    /// <returns>Null when the host names nothing.</returns>
    public async Task<EndpointReference?> CreatedAsync(CallResult result, string parameter, string className, CancellationToken cancel)
    {
        if (result.Output.Reference(parameter) is { Selectors.Count: > 0 } direct) return direct;
        if (result.Job?["InstanceID"] is not { } jobId) return null;
        for (var attempt = 0; attempt < 5; attempt++)
        {
            if (attempt > 0) await Task.Delay(TimeSpan.FromMilliseconds(200), Time, cancel);
            // The class is asked for as a whole: it holds the jobs of the last minutes only, and this is the request whose answer was recorded.
            foreach (var row in await _client.EnumerateAsync(HyperVNames.Uri(HyperVNames.AffectedJobElement), cancel))
            {
                if (!string.Equals(row.Reference("AffectingElement")?["InstanceID"], jobId, StringComparison.OrdinalIgnoreCase)) continue;
                if (!row.Numbers("ElementEffects").Contains(Create)) continue;
                var made = row.Reference("AffectedElement");
                if (string.Equals(made?.ClassName, className, StringComparison.OrdinalIgnoreCase)) return made;
            }
        }
        return null;
    }

    /// <summary>Runs a task and turns the host's errors into troubles of a VM, or of the host itself.</summary>
    public async Task<T> ForAsync<T>(Guid? vmId, string task, Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (Exception e) when (e is WsManFaultException or HostCallException or InvalidAnswerException)
        {
            throw HostTrouble.From(e, Subject(vmId), task);
        }
    }

    /// <summary>As the other, without a result.</summary>
    public Task ForAsync(Guid? vmId, string task, Func<Task> work) => ForAsync(vmId, task, async () =>
    {
        await work();
        return true;
    });

    /// <summary>A trouble that is found on this side.</summary>
    public TroubleException Trouble(Guid? vmId, string message, string nextStep, bool retry = false) => new(Subject(vmId), message, nextStep, retry);

    private string Subject(Guid? vmId) => vmId is { } id ? $"VM {HyperVNames.Text(id)} on {Name}" : Name;
}

/// <summary>A method call that ended well.</summary>
/// <param name="Output">Its output parameters.</param>
/// <param name="Job">The job that did it; null when it ended at once.</param>
internal sealed record CallResult(CimInstance Output, EndpointReference? Job);
