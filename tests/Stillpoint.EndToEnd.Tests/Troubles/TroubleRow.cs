using Stillpoint.Demo;
using Stillpoint.Model;

namespace Stillpoint.EndToEnd.Tests;

/// <summary>One kind of trouble and what a person must be told of it.</summary>
internal sealed record TroubleRow(string Name, Phase Phase, string Culprit, string Message, string Next)
{
    /// <summary>The policy that runs into it.</summary>
    public string Policy { get; init; } = "app";

    /// <summary>Its schedule.</summary>
    public string Schedule { get; init; } = "inc";

    /// <summary>The VM that meets it.</summary>
    public string Vm { get; init; } = "app";

    /// <summary>The VM whose next backup must be well.</summary>
    public string NextVm { get; init; } = "app";

    /// <summary>How the job ends.</summary>
    public JobOutcome Outcome { get; init; } = JobOutcome.Failed;

    /// <summary>How the command ends.</summary>
    public int ExitCode { get; init; } = 1;

    /// <summary>Images that the run may add: a partial one commits, and of two VMs one may be well.</summary>
    public int NewImages { get; init; }

    /// <summary>Brings the trouble about.</summary>
    public required Func<StandingSite, Task> Break { get; init; }

    /// <summary>Runs beside the command: what somebody does while the job runs.</summary>
    public Func<StandingSite, Task> Meanwhile { get; init; } = _ => Task.CompletedTask;

    /// <summary>Does what the next step says.</summary>
    public Func<StandingSite, Task> Mend { get; init; } = _ => Task.CompletedTask;

    /// <summary>A role started again so that it dies at a place in the middle, and once more when it has.</summary>
    public static Func<StandingSite, Task> Revive(string role, Func<Site, Task> start) => async site =>
    {
        Assert.True(await site.Site[role].WaitForExitAsync(TimeSpan.FromSeconds(60)), $"{role} was to die in the middle and did not");
        await start(site.Site);
    };

    /// <summary>Has the lab do it.</summary>
    public static Func<StandingSite, Task> Fault(string name, string? vm) => site => site.Lab.FaultAsync(name, vm, 1, StandingSite.Cancel);

    /// <summary>The environment that kills a role.</summary>
    public static Dictionary<string, string> KillAt(KillPoint point) => new() { [Kill.Variable] = Words.Of(point) };
}
