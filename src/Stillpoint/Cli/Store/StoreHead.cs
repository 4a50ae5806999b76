using System.CommandLine;

namespace Stillpoint.Cli;

/// <summary><c>store head DIR</c>: the unit's head alone, for whoever remembers it elsewhere.</summary>
internal static class StoreHead
{
    public static Command Create()
    {
        var directory = StoreAccess.NewDirectory();
        var command = new Command("head", "The unit's head: note it elsewhere; verify --expect finds a unit that was rolled back as a whole.") { directory };
        command.SetAction(async (parsed, cancel) =>
        {
            await using var unit = await StoreAccess.OpenAsync(parsed.GetRequiredValue(directory), cancel);
            var head = await unit.HeadAsync(cancel);
            if (parsed.GetValue(StillpointCommand.Output) == OutputFormat.Json) Terminal.Json(new Result(unit.Parameters.UnitId, head));
            else Console.Out.WriteLine(head);
            return ExitCodes.Ok;
        });
        return command;
    }

    private sealed record Result(Guid Unit, string Head);
}
