using System.CommandLine;
using Stillpoint.Storage;

namespace Stillpoint.Cli;

/// <summary><c>store renew UNIT</c>: extends the locks of what the images need; exits 4 when something of them is damaged or gone.</summary>
internal static class StoreRenew
{
    public static Command Create()
    {
        var directory = StoreAccess.NewDirectory();
        var command = new Command("renew",
            "Extend the locks of all that the images need; needs no key. Due once a quarter of the unit's lock period, or a day where that is longer.") { directory };
        command.SetAction(async (parsed, cancel) =>
        {
            await using var unit = await StoreAccess.OpenAsync(parsed.GetRequiredValue(directory), cancel);
            var report = await UnitRenewal.RunAsync(unit, null, cancel);
            Print(parsed.GetValue(StillpointCommand.Output), report, unit);
            return report.Damaged.Count == 0 ? ExitCodes.Ok : ExitCodes.Damaged;
        });
        return command;
    }

    private static void Print(OutputFormat format, RenewalReport report, StorageUnit unit)
    {
        if (format == OutputFormat.Json)
        {
            Terminal.Json(report);
            return;
        }
        foreach (var damage in report.Damaged) Console.Out.WriteLine($"damaged: {damage}");
        Console.Out.WriteLine(
            $"{Counted.Of(report.Objects, "object")} of {Counted.Of(report.Images, "image")} {(report.Objects == 1 ? "is" : "are")} locked for "
            + $"{Counted.Of(unit.LockDays!.Value, "day")} from now and more, {Counted.Of(report.Packs, "pack")} among them; "
            + $"{Counted.Of(report.Left, "pack that no image needs was", "packs that no image needs were")} left; "
            + $"renew again within {Counted.Time(unit.RenewalPeriod!.Value)}");
    }
}
