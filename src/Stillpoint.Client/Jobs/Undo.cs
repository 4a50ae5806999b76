using Stillpoint.Model;

namespace Stillpoint.Client;

/// <summary>
/// What must be taken back when a run fails, registered where a thing is acquired and run in reverse order. Undoing has its own time limit
/// and is not stopped by what stopped the run; a step that fails is told and the others still run: its intent stays and the next run
/// finds what is left.
/// </summary>
internal sealed class Undo(JobLine line)
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(10);
    private readonly Stack<(string What, Func<CancellationToken, Task> Step)> _steps = new();
    private readonly List<Action> _whenClean = [];

    /// <summary>Registers a step; the text completes "could not …".</summary>
    public void Add(string what, Func<CancellationToken, Task> step) => _steps.Push((what, step));

    /// <summary>Registers a step that needs no waiting.</summary>
    public void Add(string what, Action step) => Add(what, _ =>
    {
        step();
        return Task.CompletedTask;
    });

    /// <summary>Registers what happens once every step is done: the ends of intents. Where a step failed it does not happen, so that the next
    /// run still knows what to look for.</summary>
    public void WhenClean(Action action) => _whenClean.Add(action);

    /// <summary>The things became wanted: forgets all steps.</summary>
    public void Keep()
    {
        _steps.Clear();
        _whenClean.Clear();
    }

    /// <summary>Runs all steps, newest first.</summary>
    public async Task RunAsync()
    {
        using var limit = new CancellationTokenSource(s_limit);
        var clean = true;
        while (_steps.TryPop(out var step))
        {
            try
            {
                await step.Step(limit.Token);
            }
            catch (Exception failure) when (failure is TroubleException or IOException or OperationCanceledException or UnauthorizedAccessException)
            {
                clean = false;
                await line.WarnAsync($"could not {step.What}: {failure.Message} The next run tries again.");
            }
        }
        if (!clean) return;
        foreach (var action in _whenClean) action();
    }
}
