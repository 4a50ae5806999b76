using System.CommandLine;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Cli;

/// <summary><c>store index DIR [--rebuild]</c>: one run of the index over all packs, so that the unit opens quickly.</summary>
internal static class StoreIndex
{
    public static Command Create()
    {
        var directory = StoreAccess.NewDirectory();
        var rebuild = new Option<bool>("--rebuild") { Description = "Make it from the packs alone, without what there is." };
        var command = new Command("index", "Put the index of all packs into one sorted run, so that the unit opens quickly; needs no key.")
        {
            directory, rebuild,
        };
        command.SetAction(async (parsed, cancel) =>
        {
            await using var unit = await StoreAccess.OpenAsync(parsed.GetRequiredValue(directory), cancel);
            var report = await unit.IndexAsync(parsed.GetValue(rebuild), progress: null, cancel);
            if (parsed.GetValue(StillpointCommand.Output) == OutputFormat.Json) Terminal.Json(report);
            else Print(report);
            return ExitCodes.Ok;
        });
        return command;
    }

    private static void Print(IndexReport report)
    {
        foreach (var damage in report.Damaged) Terminal.Note($"removed: {damage}");
        Console.Out.WriteLine(
            $"index: {Counted.Of(report.Packs, "pack")}, {Counted.Of(report.Entries, "record")} in {Counted.Of(report.Runs, "run")}; {report.Made} made, {report.Removed} removed");
        if (report.Loose == 0) return;
        Terminal.Note($"warning: {Counted.Of(report.Loose, "pack is damaged or on its way, and is", "packs are damaged or on their way, and are")} read at each start; store verify tells which are damaged");
    }
}
