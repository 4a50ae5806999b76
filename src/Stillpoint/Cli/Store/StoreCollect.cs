using System.CommandLine;
using System.Security.Cryptography;
using Spectre.Console;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Cli;

/// <summary><c>store collect DIR</c>: exits 0 when it is through, 3 when sessions are open for longer than it may wait, or packs are damaged.</summary>
internal static class StoreCollect
{
    public static Command Create()
    {
        var directory = StoreAccess.NewDirectory();
        var wait = DurationOption.Create("--wait", "Longest wait for backups that are running; by default as long as it takes. The next collect goes on where this one stopped.");
        var patience = DurationOption.Create("--patience", "Take a backup for dead when its lease stood still for so long; 5m by default. If it lives after all, it fails and must be run again.");
        var plan = new Option<string?>("--plan") { Description = "The plan that the unit's primary server signed.", HelpName = "FILE" };
        var glass = StorePrune.NewGlass();
        // Not from the environment: a collect that seals anew costs more than one that does not, and asks for a passphrase where there is one.
        var keyFile = new Option<string?>("--key-file")
        {
            Description = "Key file of a key domain: what lies under its older epochs is encrypted anew, and its small packs are brought together. Named here only, "
                + "never by the environment.",
            HelpName = "FILE",
        };
        var command = new Command("collect", "Delete what no image needs. May run beside anything, and be stopped at any time.")
        {
            directory, keyFile, wait, patience, plan, glass,
        };
        command.SetAction(async (parsed, cancel) =>
        {
            var margins = SafetyMargins.Default;
            if (parsed.GetValue(patience) is { } given) margins = margins with { LeasePatience = given, Poll = given / 4 < margins.Poll ? given / 4 : margins.Poll };
            await using var unit = await StoreAccess.OpenAsync(parsed.GetRequiredValue(directory), cancel, StoreAccess.Environment with { Margins = margins });
            using var keys = parsed.GetValue(keyFile) is { } file ? StoreAccess.Keys(file, parsed.GetValue(StoreAccess.PassphraseFile)) : null;
            using var random = RandomNumberGenerator.Create();
            var options = new CollectOptions(
                parsed.GetValue(wait), parsed.GetValue(plan) is { } path ? Read(path) : null, StorePrune.Glass(parsed.GetValue(glass)),
                keys is null ? null : new CollectKeys(keys, random));
            using var progress = new StageProgress(TimeProvider.System);
            var report = await Collector.RunAsync(unit, options, progress, cancel);
            Print(parsed.GetValue(StillpointCommand.Output), report, parsed.GetRequiredValue(directory));
            return report is { Finished: true, Unreadable: null } ? ExitCodes.Ok : ExitCodes.Partial;
        });
        return command;
    }

    private static CollectPlan Read(string path) =>
        StorePrune.ReadPlan<CollectPlan>(path, "the primary server") is { Images: not null } plan
            ? plan
            : throw new CommandFailedException(ExitCodes.Failed, $"{path} is no plan: it names no images.");

    private static void Print(OutputFormat format, CollectReport report, string unit)
    {
        if (format == OutputFormat.Json)
        {
            Terminal.Json(report);
            return;
        }
        var table = Terminal.NewFacts();
        table.AddRow("freed", report.BytesFreed < 0 ? "-" + Bytes.Format(-report.BytesFreed) : Bytes.Format(report.BytesFreed));
        table.AddRow("packs deleted", $"{report.PacksDeleted}, {Bytes.Format(report.BytesDeleted)}");
        table.AddRow("packs rewritten", $"{report.PacksRewritten + report.PacksResealed}, into {Bytes.Format(report.BytesWritten)}");
        if (report.PacksResealed > 0) table.AddRow("packs encrypted anew", $"{report.PacksResealed}");
        table.AddRow("packs kept after all", $"{report.PacksKept}");
        if (report.OldLocked > 0) table.AddRow("packs locked under older keys", $"{report.OldLocked}, until {report.OldLockedUntil:u}");
        if (report.Unreadable is { } damaged) table.AddRow("packs damaged", $"{damaged.Count}");
        table.AddRow("images removed", $"{report.ImagesRemoved}");
        table.AddRow("sessions taken for dead", $"{report.SessionsFenced}");
        table.AddRow("other objects swept", $"{report.ObjectsSwept}");
        Terminal.Out.Write(table);
        foreach (var pack in report.Unreadable ?? []) Console.Out.WriteLine($"damaged, left as it is: {pack}");
        if (report.Unreadable is not null) Terminal.Note($"Find what is damaged with: stillpoint store verify {unit}, then bring it back with: stillpoint store repair {unit} --from OTHER --key-file FILE");
        if (report.OldLocked > 0)
            Terminal.Note("A pack that is locked cannot go, so it stays under its older key; a collect with the key encrypts it anew when its lock is over and was not renewed.");
        if (report.LackedSpace) Terminal.Note("The volume is too full to copy what lives out of packs that are mostly dead; run the collect again when there is room.");
        if (!report.Finished) Terminal.Note("Backups are running that began before; run the collect again later: it goes on where it stopped.");
    }
}
