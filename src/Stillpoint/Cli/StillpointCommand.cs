using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary>The command tree: noun, then verb. Each noun is a file of its own.</summary>
internal static class StillpointCommand
{
    private static readonly (string Name, Func<Command> Create)[] s_nouns =
    [
        ("demo", DemoCommand.Create), ("primary", PrimaryCommand.Create), ("media", MediaCommand.Create), ("client", ClientCommand.Create),
        ("lab", LabCommand.Create), ("host", HostCommand.Create), ("vm", VmCommand.Create), ("policy", PolicyCommand.Create),
        ("schedule", ScheduleCommand.Create), ("job", JobCommand.Create), ("image", ImageCommand.Create), ("restore", RestoreCommand.Create),
        ("storage-unit", StorageUnitCommand.Create), ("key-domain", KeyDomainCommand.Create), ("user", UserCommand.Create),
        ("token", TokenCommand.Create), ("audit", AuditCommand.Create), ("disk", DiskCommand.Create), ("store", StoreCommand.Create),
    ];

    /// <summary><c>--output table|json</c>, known to every command.</summary>
    public static Option<OutputFormat> Output { get; } = new("--output")
    {
        // The default is the enumeration's own; said in words here, where the help would print the member's name.
        Description = "How results are printed. [default: table]",
        HelpName = "table|json",
        Recursive = true,
    };

    /// <summary>The tree: all of it, or, where <paramref name="first"/> is a noun, its branch alone. To build what nobody asked for takes longer than
    /// to run some commands.</summary>
    /// <param name="first">First word of the command line.</param>
    public static RootCommand Create(string? first = null)
    {
        var root = new RootCommand("Stillpoint: backup for Hyper-V virtual machines.") { Output };
        var known = Array.Exists(s_nouns, noun => noun.Name == first);
        foreach (var (name, create) in s_nouns)
            if (!known || name == first) root.Add(create());
        return root;
    }

    public static async Task<int> RunAsync(string[] arguments)
    {
        using var interruption = new Interruption();
        try
        {
            Ahead.Start(arguments);
            var parsed = Create(arguments.FirstOrDefault()).Parse(arguments);
            return parsed.Action is ParseErrorAction misread ? Misread(parsed, misread) : await InvokeAsync(parsed, interruption);
        }
        catch (Exception failure)
        {
            return Report(failure);
        }
    }

    private static async Task<int> InvokeAsync(ParseResult parsed, Interruption interruption)
    {
        // Signals are caught here: the library would begin to when the action first waits.
        var configuration = new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
        using var ends = parsed.Action is SynchronousCommandLineAction ? Interruption.Immediate() : null;
        var work = Task.Run(() => parsed.InvokeAsync(configuration, interruption.Token));
        if (await Task.WhenAny(work, interruption.Overdue) == work) return await work;
        Terminal.Error($"interrupted; the work did not end within {Interruption.Patience.TotalSeconds:0} s and was cut off.", "run it again");
        return await interruption.Overdue;
    }

    /// <summary>Says what could not be understood, and where the help is, instead of printing all of it.</summary>
    private static int Misread(ParseResult parsed, ParseErrorAction action)
    {
        var errors = parsed.Errors.Select(e => e.Message).Distinct().ToList();
        // A word that is no command leaves the command missing too, which is no second mistake.
        if (parsed.UnmatchedTokens.Count > 0 && errors.Count > 1)
            errors.RemoveAll(e => e.StartsWith("Required command was not provided", StringComparison.Ordinal));
        foreach (var error in errors) Terminal.Error(error, null);
        // Of what it would print, only the names that may have been meant.
        action.ShowHelp = false;
        parsed.Invoke(new InvocationConfiguration { Output = Console.Error, Error = TextWriter.Null });
        List<string> path = [];
        for (SymbolResult? at = parsed.CommandResult; at is not null; at = at.Parent)
            if (at is CommandResult { Parent: not null } command) path.Insert(0, command.Command.Name);
        Terminal.Note($"See: {string.Join(' ', path.Prepend("stillpoint"))} --help");
        return ExitCodes.Failed;
    }

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
                Terminal.Error(failure.Message, FileTrouble.NextStep(failure));
                return failure is FileNotFoundException or DirectoryNotFoundException ? ExitCodes.NotFound : ExitCodes.Failed;
            default:
                Terminal.Error("this is a bug in Stillpoint: " + failure, "Report it with the command that you ran.");
                return ExitCodes.Failed;
        }
    }
}
