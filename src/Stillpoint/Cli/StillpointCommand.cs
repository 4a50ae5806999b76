using System.CommandLine;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary>The command tree: noun, then verb. Each noun is a file of its own.</summary>
internal static class StillpointCommand
{
    /// <summary><c>--output table|json</c>, known to every command.</summary>
    public static Option<OutputFormat> Output { get; } = new("--output")
    {
        Description = "How results are printed: table or json.",
        HelpName = "table|json",
        Recursive = true,
        DefaultValueFactory = _ => OutputFormat.Table,
    };

    /// <summary>The whole tree.</summary>
    public static RootCommand Create()
    {
        var root = new RootCommand("Stillpoint: backup for Hyper-V virtual machines.") { Output };
        foreach (var command in Commands()) root.Add(command);
        return root;
    }

    public static async Task<int> RunAsync(string[] arguments)
    {
        var configuration = new InvocationConfiguration
        {
            EnableDefaultExceptionHandler = false,
            // A role that is told to stop finishes its host calls first.
            ProcessTerminationTimeout = TimeSpan.FromSeconds(30),
        };
        try
        {
            return await Create().Parse(arguments).InvokeAsync(configuration);
        }
        catch (Exception failure)
        {
            return Report(failure);
        }
    }

    private static IEnumerable<Command> Commands() =>
    [
        DemoCommand.Create(), PrimaryCommand.Create(), MediaCommand.Create(), ClientCommand.Create(), LabCommand.Create(),
        HostCommand.Create(), VmCommand.Create(), PolicyCommand.Create(), ScheduleCommand.Create(), JobCommand.Create(), ImageCommand.Create(),
        RestoreCommand.Create(), StorageUnitCommand.Create(), UserCommand.Create(), TokenCommand.Create(), AuditCommand.Create(),
        DiskCommand.Create(), StoreCommand.Create(),
    ];

    private static int Report(Exception failure)
    {
        switch (failure)
        {
            case OperationCanceledException:
                Terminal.Error("interrupted.", null);
                return ExitCodes.Interrupted;
            case CommandFailedException refused:
                Terminal.Error(refused.Message, refused.NextStep);
                return refused.ExitCode;
            case TroubleException { Trouble: var trouble }:
                Terminal.Error($"{(trouble.Phase is { } phase ? Words.Of(phase) + ": " : "")}{trouble.Culprit}: {trouble.Message}", trouble.NextStep);
                return ExitCodes.Failed;
            case IOException or UnauthorizedAccessException:
                Terminal.Error(failure.Message, null);
                return ExitCodes.Failed;
            default:
                Terminal.Error("this is a bug in Stillpoint: " + failure, "Report it with the command that you ran.");
                return ExitCodes.Failed;
        }
    }
}
