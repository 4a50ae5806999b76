using System.CommandLine;
using Spectre.Console;
using Stillpoint.Storage;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary><c>store stats DIR</c>: what the unit holds, and its head.</summary>
internal static class StoreStats
{
    public static Command Create()
    {
        var directory = StoreAccess.NewDirectory();
        var command = new Command("stats", "What the unit holds, and its head; needs no key.") { directory };
        command.SetAction(async (parsed, cancel) =>
        {
            await using var unit = await StoreAccess.OpenAsync(parsed.GetRequiredValue(directory), cancel);
            var stats = await unit.StatsAsync(cancel);
            var head = await unit.HeadAsync(cancel);
            if (parsed.GetValue(StillpointCommand.Output) == OutputFormat.Json) Terminal.Json(new Result(unit.Parameters.UnitId, unit.Parameters.ChunkSize, stats, head));
            else Print(stats, head);
            return ExitCodes.Ok;
        });
        return command;
    }

    private static void Print(UnitStats stats, string head)
    {
        var stored = stats.DataBytes + stats.NodeBytes;
        var table = Terminal.NewFacts();
        table.AddRow("images", $"{stats.Images}");
        table.AddRow("size of all images", Bytes.Format(stats.ImageBytes));
        table.AddRow("stored", Bytes.Format(stored));
        table.AddRow("of which tree nodes", Bytes.Format(stats.NodeBytes));
        table.AddRow("distinct chunks", $"{stats.Chunks}");
        table.AddRow("packs", $"{stats.Packs}");
        Terminal.Out.Write(table);
        Console.Out.WriteLine($"head {head}");
    }

    private sealed record Result(Guid Unit, int ChunkSize, UnitStats Stats, string Head);
}
