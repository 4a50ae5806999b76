using System.Runtime.InteropServices;

namespace Stillpoint.Cli;

/// <summary>
/// Ctrl-C and SIGTERM, caught from the first line of the program on: whatever a command does before it first waits would otherwise die of them and
/// leave its remains. They cancel the work, which then has some time to end in order.
/// </summary>
internal sealed class Interruption : IDisposable
{
    /// <summary>How long the work may take to end: a role that is told to stop finishes its host calls first.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static int s_immediate;

    private readonly CancellationTokenSource _cancel = new();
    private readonly TaskCompletionSource<int> _overdue = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ManualResetEventSlim _over = new();
    private readonly PosixSignalRegistration[] _signals;
    private int _signalled;

    public Interruption() => _signals =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Catch(context, ExitCodes.Interrupted)),
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Catch(context, ExitCodes.Terminated)),
    ];

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => _cancel.Token;

    /// <summary>Ends with the exit code when the work was cancelled and had its time.</summary>
    public Task<int> Overdue => _overdue.Task;

    /// <summary>While somebody is asked at the terminal, or work runs that knows no cancelling, a signal ends the process at once.</summary>
    public static IDisposable Immediate() => new Window();

    public void Dispose()
    {
        _over.Set();
        foreach (var signal in _signals) signal.Dispose();
    }

    private void Catch(PosixSignalContext context, int code)
    {
        context.Cancel = true;
        if (Volatile.Read(ref s_immediate) > 0)
        {
            Terminal.Error("interrupted.", null);
            Environment.Exit(code);
        }
        if (Interlocked.Exchange(ref _signalled, 1) == 0) _ = EndAsync(code);
        // Windows ends the process when this returns from what stands for SIGTERM there.
        if (OperatingSystem.IsWindows() && context.Signal == PosixSignal.SIGTERM) _over.Wait(Patience);
    }

    private async Task EndAsync(int code)
    {
        await _cancel.CancelAsync();
        await Task.Delay(Patience, TimeProvider.System);
        _overdue.TrySetResult(code);
    }

    private sealed class Window : IDisposable
    {
        public Window() => Interlocked.Increment(ref s_immediate);

        public void Dispose() => Interlocked.Decrement(ref s_immediate);
    }
}
