using System.CommandLine;
using Stillpoint.Demo;

namespace Stillpoint.Cli;

/// <summary><c>stillpoint demo</c>: the whole story on a lab host.</summary>
internal static class DemoCommand
{
    public static Command Create()
    {
        var keep = new Option<DirectoryInfo?>("--keep")
        {
            Description = "Keep everything in this folder, to look at it with 'stillpoint store'; without it nothing is left behind.",
            HelpName = "DIR",
        };
        var command = new Command("demo", "Three VMs on a simulated Hyper-V host: backed up in full and by changed blocks, restored, and compared byte for byte.") { keep };
        command.SetAction((parsed, cancel) => RunAsync(parsed.GetValue(keep)?.FullName, cancel));
        return command;
    }

    private static async Task<int> RunAsync(string? keep, CancellationToken cancel)
    {
        if (keep is not null && Directory.Exists(keep) && Directory.EnumerateFileSystemEntries(keep).Any())
            throw new CommandFailedException(ExitCodes.Failed, $"{keep} is not empty.", "Name a folder that is empty or not there yet.");
        var root = keep ?? Directory.CreateTempSubdirectory("stillpoint-demo-").FullName;
        try
        {
            await using var site = Site.In(root);
            var held = await new DemoStory(site, keep is not null).RunAsync(cancel);
            return held ? ExitCodes.Ok : ExitCodes.Failed;
        }
        finally
        {
            if (keep is null) Directory.Delete(root, recursive: true);
        }
    }
}
