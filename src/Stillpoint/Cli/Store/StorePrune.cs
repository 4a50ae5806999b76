using System.CommandLine;
using System.Text.Json;
using Spectre.Console;
using Stillpoint.Chunks;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Cli;

/// <summary><c>store prune UNIT --keep-… [--vm VM] [--dry-run]</c>, or <c>--plan FILE</c>: gives up images; a collect frees their space.</summary>
internal static class StorePrune
{
    private const int MaxPlan = 64 << 20;

    private const string About =
        "Give up images that a retention policy does not keep; store collect then frees the space. An image stays when any --keep option wants it, "
        + "VM by VM; hours, days, weeks (from Monday), months and years are in UTC and those without an image do not count. An image is as old "
        + "as it says, but no younger than its commit. One that is suspect, known to be damaged or the second of its job fills no place, and goes "
        + "when a sound image has taken it. Held and locked images stay. At least one --keep option is needed, but with --plan.";

    public static Command Create()
    {
        var directory = StoreAccess.NewDirectory();
        var keyFile = StoreAccess.NewKeyFile();
        var last = Keep("last", "newest images");
        Option<int>[] periods = [Keep("hourly", "hours"), Keep("daily", "days"), Keep("weekly", "weeks"), Keep("monthly", "months"), Keep("yearly", "years")];
        var vm = new Option<string?>("--vm") { Description = "Only images of this VM: its name, which needs the key, or its id.", HelpName = "VM" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Print the plan and change nothing; --output json prints it for --plan." };
        var plan = new Option<string?>("--plan") { Description = "Execute the plan in this file.", HelpName = "FILE" };
        var glass = NewGlass();
        var command = new Command("prune", About)
        {
            directory, keyFile, last, periods[0], periods[1], periods[2], periods[3], periods[4], vm, dryRun, plan, glass,
        };
        command.SetAction(async (parsed, cancel) =>
        {
            var policy = new RetentionPolicy(
                parsed.GetValue(last), parsed.GetValue(periods[0]), parsed.GetValue(periods[1]), parsed.GetValue(periods[2]), parsed.GetValue(periods[3]),
                parsed.GetValue(periods[4]));
            await using var unit = await StoreAccess.OpenAsync(parsed.GetRequiredValue(directory), cancel);
            using var keys = StoreAccess.TryKeys(parsed.GetValue(keyFile), parsed.GetValue(StoreAccess.PassphraseFile));
            var images = (await unit.ListImagesAsync(cancel)).Images;
            var made = parsed.GetValue(plan) is { } file
                ? Read(file, policy)
                : await Pruner.PlanAsync(unit, policy, parsed.GetValue(vm) is { } name ? VmIds.Find(images, keys, name) : null, keys, cancel);
            // Before images go: their names go with them.
            var names = images.Select(i => ImageSummaries.TryOf(i, keys).Summary).Where(i => i.Vm is not null).GroupBy(i => i.VmId)
                .ToDictionary(vms => vms.Key, vms => vms.First().Vm!);
            if (!parsed.GetValue(dryRun) && parsed.GetValue(plan) is null && parsed.GetValue(glass) is null && await Attachment.KeyAsync(unit, cancel) is not null)
            {
                throw new CommandFailedException(ExitCodes.Locked, $"{unit.Name} is attached to a primary server and deletes only by a plan that it signed.",
                    "stillpoint storage-unit prune NAME at the primary; or there with --dry-run --output json, and here with --plan FILE");
            }
            var gone = parsed.GetValue(dryRun) ? null : await Pruner.ExecuteAsync(unit, made, keys, Glass(parsed.GetValue(glass)), cancel);
            // A plan of today keeps what may not go; one that was made before, or by hand, may name it.
            var refused = gone is null || gone.Count == made.Going.Count() ? null : await Pruner.RefusedAsync(unit, made, cancel);
            Print(parsed, made, gone, names, parsed.GetRequiredValue(directory));
            foreach (var (id, why) in refused ?? new Dictionary<Guid, string>()) Terminal.Note($"warning: image {id} cannot be given up: {why}.");
            return refused is { Count: > 0 } ? ExitCodes.Locked : ExitCodes.Ok;
        });
        return command;
    }

    public static Option<string?> NewGlass() => new("--break-glass")
    {
        Description = "Do it without the plan that the unit's primary server must sign; leaves a note that stays.",
        HelpName = "REASON",
    };

    public static BreakGlass? Glass(string? reason) => reason is null ? null : new BreakGlass(reason);

    /// <summary>A JSON document of a plan that was made before.</summary>
    public static T ReadPlan<T>(string path, string madeBy) where T : class
    {
        if (!File.Exists(path)) throw new CommandFailedException(ExitCodes.NotFound, $"there is no plan {path}.", $"make one with: {madeBy}");
        if (new FileInfo(path).Length > MaxPlan) throw new CommandFailedException(ExitCodes.Failed, $"{path} is no plan: it is too large.");
        try
        {
            return JsonSerializer.Deserialize<T>(File.ReadAllBytes(path), Words.Json) ?? throw new JsonException("it is empty");
        }
        catch (JsonException e)
        {
            throw new CommandFailedException(ExitCodes.Failed, $"{path} is no plan: {e.Message}", $"make one with: {madeBy}");
        }
    }

    private static PrunePlan Read(string path, RetentionPolicy policy)
    {
        if (policy != new RetentionPolicy()) throw new CommandFailedException(ExitCodes.Failed, "--plan and --keep-… exclude each other: the plan has its policy.");
        var plan = ReadPlan<PrunePlan>(path, "stillpoint store prune UNIT --keep-… --dry-run --output json");
        return plan.Flaw() is { } flaw ? throw new CommandFailedException(ExitCodes.Failed, $"{path} is no plan: {flaw}.") : plan;
    }

    internal static Option<int> Keep(string what, string of) => new($"--keep-{what}")
    {
        Description = what == "last" ? "Keep so many of the newest images of each VM." : $"Keep the newest image of each of the last so many {of} that have one.",
        HelpName = "NUMBER",
    };

    private static void Print(ParseResult parsed, PrunePlan plan, IReadOnlyList<Guid>? gone, Dictionary<Guid, string> names, string unit)
    {
        if (Results.IsJson(parsed))
        {
            if (gone is null) Terminal.Json(plan);
            else Terminal.Json(new Result(gone, plan));
            return;
        }
        var table = Terminal.NewTable("vm", "image", "created", "", "why");
        foreach (var image in plan.Images)
            table.AddRow(Markup.Escape(names.GetValueOrDefault(image.Vm) ?? ShortId.Of(image.Vm)), image.Id.ToString(), $"{image.Created:u}", image.Stays ? "stays" : "goes", Markup.Escape(string.Join("; ", image.Reasons)));
        Terminal.Out.Write(table);
        var going = plan.Going.Count();
        if (gone is null)
        {
            Console.Out.WriteLine($"{going} of {Counted.Of(plan.Images.Count, "image")} would go; nothing was changed");
            return;
        }
        Console.Out.WriteLine($"{gone.Count} of {Counted.Of(plan.Images.Count, "image")} {(gone.Count == 1 ? "was" : "were")} given up{(gone.Count < going ? $"; {going - gone.Count} of the plan {(going - gone.Count == 1 ? "is" : "are")} held, locked or gone by now" : "")}");
        if (gone.Count > 0) Terminal.Note($"Their space is freed by: stillpoint store collect {unit}");
    }

    private sealed record Result(IReadOnlyList<Guid> Expired, PrunePlan Plan);
}
