using System.CommandLine;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Cli;

/// <summary><c>store repair DIR --from OTHER</c>: exits 0 when every image is whole again, 4 when something is in neither unit.</summary>
internal static class StoreRepair
{
    public static Command Create()
    {
        var directory = StoreAccess.NewDirectory();
        var from = new Option<string>("--from") { Description = "A storage unit that holds a copy.", HelpName = "OTHER", Required = true };
        var keyFile = StoreAccess.NewKeyFile();
        var command = new Command("repair", "Bring what is missing, or was found damaged by a verify, from a unit that holds a copy.") { directory, from, keyFile };
        command.SetAction(async (parsed, cancel) =>
        {
            await using var unit = await StoreAccess.OpenAsync(parsed.GetRequiredValue(directory), cancel);
            await using var other = await StoreAccess.OpenAsync(parsed.GetRequiredValue(from), cancel);
            using var keys = StoreAccess.TryKeys(parsed.GetValue(keyFile), parsed.GetValue(StoreAccess.PassphraseFile));
            RepairReport report;
            using (var progress = new ByteProgress("repair", 0, TimeProvider.System))
                report = await UnitRepair.RunAsync(unit, other, keys, progress, cancel);
            if (parsed.GetValue(StillpointCommand.Output) == OutputFormat.Json) Terminal.Json(report);
            else Print(report, parsed.GetRequiredValue(directory), StoreAccess.KeyFileOf(parsed.GetValue(keyFile)) ?? "FILE");
            return report.Lost.Count == 0 ? ExitCodes.Ok : ExitCodes.Damaged;
        });
        return command;
    }

    private static void Print(RepairReport report, string directory, string keyFile)
    {
        foreach (var lost in report.Lost) Console.Out.WriteLine($"lost: {lost}");
        Console.Out.WriteLine($"{Counted.Of(report.Chunks, "chunk")} brought, {Bytes.Format(report.Bytes)}"
            + (report.Lost.Count == 0 ? $"; see that all is sound with: stillpoint store verify {directory} --key-file {keyFile}" : "; not all could be healed"));
    }
}
