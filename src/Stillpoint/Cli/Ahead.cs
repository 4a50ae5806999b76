using Stillpoint.Chunks;

namespace Stillpoint.Cli;

/// <summary>
/// What a short command will need at its end is made ready at its beginning, on the core that has nothing to do then: native libraries, code that no
/// compiler could make ahead, the tables' terminal. A command that fails before loses nothing but that core's time.
/// </summary>
internal static class Ahead
{
    /// <summary>Starts what the command line asks for.</summary>
    public static void Start(string[] arguments)
    {
        if (arguments is not ["store", "backup", ..] || arguments.Contains("--help")) return;
        // What fails here fails again where it is needed, and is told there.
        _ = Task.Run(PackSealer.Warm);
        _ = Task.Run(Terminal.Warm);
    }
}
