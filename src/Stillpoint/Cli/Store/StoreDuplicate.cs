using System.CommandLine;
using Stillpoint.Chunks;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Cli;

/// <summary><c>store duplicate FROM TO --all | --image IMAGE [--vm VM] | --vm VM</c>: copies images to another unit; only what is missing there travels.</summary>
internal static class StoreDuplicate
{
    public static Command Create()
    {
        var from = new Argument<string>("FROM") { Description = "The storage unit that has the images." };
        var to = new Argument<string>("TO") { Description = "The storage unit that gets copies; make it with store init, with the same chunk size." };
        var keyFile = StoreAccess.NewKeyFile();
        var all = new Option<bool>("--all") { Description = "All images." };
        var image = new Option<string?>("--image") { Description = "One image: its id, the beginning of it, or latest, of several VMs with --vm.", HelpName = "IMAGE" };
        var vm = new Option<string?>("--vm") { Description = "All images of one virtual machine, by its id, or by its name, which needs the key.", HelpName = "VM" };
        var command = new Command("duplicate", "Copy images to another unit; only what is missing there travels. Needs no key.") { from, to, keyFile, all, image, vm };
        command.SetAction(async (parsed, cancel) =>
        {
            if (parsed.GetValue(all) == (parsed.GetValue(image) is not null || parsed.GetValue(vm) is not null))
                throw new CommandFailedException(ExitCodes.Failed, "which images?", "give one of --all, --image IMAGE and --vm VM; --vm VM beside --image latest says whose");
            await using var source = await StoreAccess.OpenAsync(parsed.GetRequiredValue(from), cancel);
            await using var target = await StoreAccess.OpenAsync(parsed.GetRequiredValue(to), cancel);
            var wanted = await WantedAsync(source, parsed.GetValue(image), parsed.GetValue(vm), parsed, keyFile, cancel);
            var total = parsed.GetValue(all) ? await UnitDuplicate.EstimateAsync(source, target, cancel) : 0;
            DuplicateReport report;
            using (var progress = new ByteProgress("duplicate", total, TimeProvider.System))
                report = await UnitDuplicate.RunAsync(source, target, wanted, progress, cancel);
            if (report.GivenUp > 0) Terminal.Note($"note: {Counted.Of(report.GivenUp, "image was given up at", "images were given up at")} {target.Name} and not copied again.");
            if (parsed.GetValue(StillpointCommand.Output) == OutputFormat.Json) Terminal.Json(report);
            else Console.Out.WriteLine($"{Counted.Of(report.Images.Count, "image")} copied, {Counted.Of(report.There, "was", "were")} there; {Counted.Of(report.Chunks, "chunk")} travelled, {Bytes.Format(report.Bytes)}");
            return ExitCodes.Ok;
        });
        return command;
    }

    private static async Task<Func<StoredImage, bool>> WantedAsync(
        StorageUnit source, string? image, string? vm, ParseResult parsed, Option<string?> keyFile, CancellationToken cancel)
    {
        if (image is null && vm is null) return _ => true;
        if (image is not null)
        {
            var one = (await ImageChoice.FindAsync(
                source, image, vm, () => StoreAccess.TryKeys(parsed.GetValue(keyFile), parsed.GetValue(StoreAccess.PassphraseFile)), cancel)).Header.Id;
            return i => i.Header.Id == one;
        }
        var images = (await source.ListImagesAsync(cancel)).Images;
        if (Guid.TryParse(vm, out var id)) return Some(vm, images, i => i.Header.VmId == id);
        using var keys = StoreAccess.Keys(parsed.GetValue(keyFile), parsed.GetValue(StoreAccess.PassphraseFile));
        var named = images.Where(i => i.Header.Domain == keys.Domain && ImageSummaries.TryOf(i, keys).Summary.Vm == vm).Select(i => i.Header.Id).ToHashSet();
        return Some(vm!, images, i => named.Contains(i.Header.Id));
    }

    private static Func<StoredImage, bool> Some(string vm, IReadOnlyList<StoredImage> images, Func<StoredImage, bool> wanted) =>
        images.Any(wanted) ? wanted : throw new CommandFailedException(ExitCodes.NotFound, $"there is no image of {vm}.", "list them with: stillpoint store images UNIT");
}
