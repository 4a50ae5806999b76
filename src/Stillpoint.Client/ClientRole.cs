using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Stillpoint.Chunks;
using Stillpoint.HyperV;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Client;

/// <summary>The client of a Hyper-V host: one outbound connection to the primary, orders taken over from it, each run as a job.</summary>
public sealed partial class ClientRole(ClientOptions options, RoleIdentity identity, TimeProvider time, Func<Guid> newId, ILogger log)
{
    /// <summary>Runs until cancelled; then running jobs are stopped and release their checkpoints before this returns.</summary>
    /// <param name="version">Product version, told to the primary.</param>
    /// <param name="started">Called once the client is ready to be connected.</param>
    /// <param name="cancel">Ends the role.</param>
    public async Task RunAsync(string version, Action started, CancellationToken cancel)
    {
        using var random = RandomNumberGenerator.Create();
        var running = new RunningJobs();
        await using var host = HyperVHostFactory.Create(options.Host, time, newId);
        var files = new LocalHostFiles(options.PathMap, newId);
        using var outbox = new Outbox(Path.Combine(options.Data, "outbox"));
        await using var control = new ControlConnection(
            options.Primary, identity, () => new RoleHello(PeerRoles.Client, version, null, [.. running.Ids, .. outbox.Pending]), time,
            new Random(RandomNumberGenerator.GetInt32(int.MaxValue)), log);
        await using var intents = new IntentLedger(Path.Combine(options.Data, "intents"), control.Primary, time, newId);
        var services = new ClientServices(
            host, files, control.Primary, OpenDataAsync, intents, running.IsRunning,
            options.Limits, options.MergeLimit, time, newId, random)
        {
            Load = options.Load,
        };

        control.Handle(new ClientJobs(services, outbox, running, log));
        _ = outbox.SendAllAsync(control.Primary);
        await SweepAsync(host, services.Sweep, cancel);
        control.Start();
        started();
        await Task.Delay(Timeout.InfiniteTimeSpan, time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await running.StopAllAsync();
    }

    private async Task<IImageWriter> OpenDataAsync(DataAccess data, CancellationToken stop) => await DataClient.OpenAsync(
        data, identity, new DataClientOptions(), time, new Random(RandomNumberGenerator.GetInt32(int.MaxValue)), stop);

    /// <summary>Clears what an earlier process left, before any order is taken. A host that cannot be reached now is swept by the next backup.</summary>
    private async Task SweepAsync(IHyperVHost host, HostSweep sweep, CancellationToken cancel)
    {
        try
        {
            LogHost(log, await host.GetHostNameAsync(cancel));
            foreach (var sentence in await sweep.ClearAllAsync(cancel)) LogSwept(log, sentence);
        }
        catch (TroubleException failure)
        {
            LogSweepFailed(log, failure.Trouble.ToString());
        }
    }

    [LoggerMessage(1007, LogLevel.Information, "Connected to the Hyper-V host {Host}.")]
    private static partial void LogHost(ILogger log, string host);

    [LoggerMessage(1002, LogLevel.Warning, "Sweep: {Sentence}")]
    private static partial void LogSwept(ILogger log, string sentence);

    [LoggerMessage(1003, LogLevel.Warning, "The Hyper-V host does not answer as it should: {Trouble}")]
    private static partial void LogSweepFailed(ILogger log, string trouble);
}
