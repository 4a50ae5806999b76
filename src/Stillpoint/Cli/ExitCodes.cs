using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary>Exit codes that scripts rely on.</summary>
internal static class ExitCodes
{
    public const int Ok = 0;
    public const int Failed = 1;
    public const int Partial = 3;

    /// <summary>Checked, and found different or damaged.</summary>
    public const int Damaged = 4;
    public const int NotFound = 10;
    public const int Locked = 11;
    public const int NotAuthorized = 12;
    public const int Interrupted = 130;

    /// <summary>Told to end by SIGTERM, and ended before its work did.</summary>
    public const int Terminated = 143;

    public static int Of(JobOutcome outcome) => outcome switch
    {
        JobOutcome.Ok => Ok,
        JobOutcome.Partial => Partial,
        JobOutcome.Cancelled => Interrupted,
        _ => Failed,
    };
}

/// <summary>Ends a command with an exit code of its own after telling why.</summary>
internal sealed class CommandFailedException(int exitCode, string message, string? nextStep = null) : Exception(message)
{
    public int ExitCode { get; } = exitCode;

    public string? NextStep { get; } = nextStep;
}
