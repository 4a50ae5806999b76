using System.CommandLine;
using System.Text.Json;
using Spectre.Console;
using Stillpoint.Durable;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary><c>stillpoint storage-unit attach|detach|prune|collect</c>: what is deleted in a unit, by plans that the primary server signs.</summary>
internal static class StorageUnitDeletion
{
    private static readonly TimeSpan s_rhythm = TimeSpan.FromMilliseconds(500);

    public static IEnumerable<Command> Commands() =>
    [
        Tie("attach", "Tie the unit to this primary server: it then deletes only by plans that this server signed, whoever asks."),
        Tie("detach", "Untie the unit from this primary server."), Prune(), Collect(),
    ];

    private static Argument<string> Name() => new("NAME") { Description = "The storage unit." };

    private static string Path(string name, string verb) => $"storage-units/{Uri.EscapeDataString(name)}/{verb}";

    private static Command Tie(string verb, string about)
    {
        var name = Name();
        var command = new Command(verb, about) { name };
        command.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            var view = await api.Post<StorageUnitView>(Path(parsed.GetRequiredValue(name), verb), null, cancel);
            return Results.Show(parsed, view, ("storage unit", view.Unit.Name), ("deletes", verb == "attach" ? "only by plans that the primary server signed" : "as its media server and store are told"));
        });
        return command;
    }

    private static Command Prune()
    {
        var name = Name();
        var last = StorePrune.Keep("last", "newest images");
        Option<int>[] periods =
        [
            StorePrune.Keep("hourly", "hours"), StorePrune.Keep("daily", "days"), StorePrune.Keep("weekly", "weeks"), StorePrune.Keep("monthly", "months"),
            StorePrune.Keep("yearly", "years"),
        ];
        var vm = new Option<string?>("--vm") { Description = "Only images of this VM: its name or id.", HelpName = "VM" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Print the plan and change nothing; --output json prints it signed, for store prune --plan." };
        var force = new Option<bool>("--force") { Description = "Give up images, too, that the retention of a policy still promises to keep." };
        var command = new Command("prune", "Give up images that the --keep options do not keep, as store prune does; a collect frees their space. What a policy's "
            + "retention still promises to keep is refused without --force.")
        {
            name, last, periods[0], periods[1], periods[2], periods[3], periods[4], vm, dryRun, force,
        };
        command.SetAction(async (parsed, cancel) =>
        {
            var policy = new RetentionPolicy(
                parsed.GetValue(last), parsed.GetValue(periods[0]), parsed.GetValue(periods[1]), parsed.GetValue(periods[2]), parsed.GetValue(periods[3]),
                parsed.GetValue(periods[4]));
            using var api = ServerOptions.Connect(parsed);
            var request = new PruneRequest(policy, parsed.GetValue(vm), parsed.GetValue(dryRun), parsed.GetValue(force));
            var outcome = await api.Post<PruneOutcome>(Path(parsed.GetRequiredValue(name), "prune"), request, cancel);
            Print(parsed, outcome);
            return ExitCodes.Ok;
        });
        return command;
    }

    private static void Print(ParseResult parsed, PruneOutcome outcome)
    {
        if (Results.IsJson(parsed))
        {
            if (outcome.Expired is null) Terminal.Json(outcome.Plan);
            else Terminal.Json(outcome);
            return;
        }
        var table = Terminal.NewTable("vm", "image", "created", "", "why");
        foreach (var image in outcome.Plan.Images)
        {
            var why = outcome.Promised?.GetValueOrDefault(image.Id) is { } promise ? image.Reasons.Append(promise + (outcome.Plan.Signature is null ? ": needs --force" : "")) : image.Reasons;
            table.AddRow(
                Markup.Escape(outcome.Names?.GetValueOrDefault(image.Vm) ?? ShortId.Of(image.Vm)), image.Id.ToString(), $"{image.Created:u}",
                image.Stays ? "stays" : "goes", Markup.Escape(string.Join("; ", why)));
        }
        Terminal.Out.Write(table);
        Console.Out.WriteLine(outcome.Expired is { } gone
            ? $"{gone.Count} of {Counted.Of(outcome.Plan.Images.Count, "image")} {(gone.Count == 1 ? "was" : "were")} given up"
            : $"{outcome.Plan.Going.Count()} of {Counted.Of(outcome.Plan.Images.Count, "image")} would go; nothing was changed");
    }

    private static Command Collect()
    {
        var name = Name();
        var wait = new Option<bool>("--wait") { Description = "Wait until it is through." };
        var export = new Option<string?>("--export")
        {
            Description = "Begin nothing: write the signed plan to this file, for store collect --plan, as with a key file to encrypt anew.", HelpName = "FILE",
        };
        var command = new Command("collect", "Free the space of what no image needs, at the media server, beside running backups.") { name, wait, export };
        command.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            var unit = parsed.GetRequiredValue(name);
            if (parsed.GetValue(export) is { } file)
            {
                var plan = await api.Get<CollectPlan>(Path(unit, "collect-plan"), cancel);
                DurableFile.Replace(file, JsonSerializer.SerializeToUtf8Bytes(plan, Words.ReadableJson));
                return Results.Show(parsed, plan, ("plan", file), ("images given up", $"{plan.Images.Count}"));
            }
            var state = await api.Post<CollectState>(Path(unit, "collect"), null, cancel);
            while (parsed.GetValue(wait) && state.Running)
            {
                await Task.Delay(s_rhythm, TimeProvider.System, cancel);
                state = await api.Get<CollectState>(Path(unit, "collect"), cancel);
            }
            if (state.Trouble is { } trouble) throw new TroubleException(trouble);
            var shown = Results.Show(
                parsed, state, ("collect", state.Running ? "runs" : "is through"), ("stage", state.Stage),
                ("freed", state.Report is { } report ? Bytes.Format(Math.Max(0, report.BytesFreed)) : null),
                ("images removed", state.Report is { } done ? $"{done.ImagesRemoved}" : null),
                ("packs damaged", state.Report?.Unreadable is { } damaged ? $"{damaged.Count}, left as they are: {string.Join(", ", damaged)}" : null));
            if (state.Report?.Unreadable is null) return shown;
            Terminal.Note("Find what is damaged with: stillpoint store verify UNIT, then bring it back with: stillpoint store repair UNIT --from OTHER --key-file FILE");
            return ExitCodes.Partial;
        });
        return command;
    }
}
