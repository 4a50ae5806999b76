using System.CommandLine;

namespace Stillpoint.Cli;

/// <summary>The command tree: noun, then verb. Each noun is a file of its own.</summary>
internal static class StillpointCommand
{
    public static Task<int> RunAsync(string[] arguments)
    {
        var root = new RootCommand("Stillpoint: backup for Hyper-V virtual machines.");
        return root.Parse(arguments).InvokeAsync();
    }
}
