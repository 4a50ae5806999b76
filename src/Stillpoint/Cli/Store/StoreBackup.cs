using System.CommandLine;
using Spectre.Console;
using Stillpoint.Chunks;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Cli;

/// <summary><c>store backup DIR DISK[,DISK…] --vm NAME [--base IMAGE --changed FILE[,FILE…]]</c>.</summary>
internal static class StoreBackup
{
    public static Command Create()
    {
        var directory = StoreAccess.NewDirectory();
        var disks = new Argument<string>("DISK") { Description = "Disk file (raw, VHD, VHDX); several, with commas between, make one image." };
        var keyFile = StoreAccess.NewKeyFile();
        var vm = new Option<string>("--vm") { Description = "Name of the virtual machine.", HelpName = "NAME", Required = true };
        var basedOn = new Option<string?>("--base") { Description = "Image to build on: its id, the beginning of it, or latest.", HelpName = "IMAGE" };
        var changed = new Option<string?>("--changed") { Description = "What changed since the base: a file of 'offset length' lines for each disk.", HelpName = "FILE[,FILE…]" };
        var audit = new Option<int>("--audit")
        {
            Description = "Chunks outside the change list that are read and compared with the base; 0 trusts the list.",
            HelpName = "NUMBER",
            DefaultValueFactory = _ => TrackingAudit.DefaultSample,
        };
        var command = new Command("backup", "Back up disk files into the unit.") { directory, disks, keyFile, vm, basedOn, changed, audit };
        command.SetAction(async (parsed, cancel) =>
        {
            var order = new OfflineBackupOrder(
                parsed.GetRequiredValue(vm), Split(parsed.GetRequiredValue(disks)), parsed.GetValue(basedOn),
                parsed.GetValue(changed) is { } files ? Split(files) : null, Math.Clamp(parsed.GetValue(audit), 0, 1 << 20));
            Check(order);
            await using var unit = await StoreAccess.OpenAsync(parsed.GetRequiredValue(directory), cancel);
            using var keys = StoreAccess.Keys(parsed.GetValue(keyFile), parsed.GetValue(StoreAccess.PassphraseFile));
            // A base is an image of this key domain, so with one there is nothing to warn of.
            if (order.Base is null) await WarnOfOtherDomainsAsync(unit, keys, cancel);
            var image = await BackUpAsync(new OfflineBackup(unit, keys, order), unit, cancel);
            Print(parsed.GetValue(StillpointCommand.Output), image);
            KitState.Warn(StoreAccess.KeyFileOf(parsed.GetValue(keyFile)));
            return ExitCodes.Ok;
        });
        return command;
    }

    private static async Task<ImageSummary> BackUpAsync(OfflineBackup backup, StorageUnit unit, CancellationToken cancel)
    {
        unit.EndUpkeepWith(cancel);
        try
        {
            return await backup.RunAsync(cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            throw new CommandFailedException(ExitCodes.Interrupted, "interrupted.", "run the backup again: it sends only what the unit does not have yet");
        }
    }

    /// <summary>A key file of its own is one more that must not be lost, and chosen by mistake more often than not.</summary>
    private static async Task WarnOfOtherDomainsAsync(StorageUnit unit, DomainKeys keys, CancellationToken cancel)
    {
        var domains = await unit.DomainsAsync(cancel);
        if (domains.Count == 0 && unit.MadeFor is { } madeFor && madeFor != keys.Domain)
        {
            Terminal.Note($"warning: {unit.Name} was made with a key file of key domain {madeFor:D}; this key file is of {keys.Domain:D}. "
                + "Each key file opens its own images only, and a recovery kit those of its own. Where that is not meant, stop it and give the other key file.");
        }
        if (domains.Count == 0 || domains.Contains(keys.Domain)) return;
        Terminal.Note($"warning: all that {unit.Name} holds so far belongs to {(domains.Count == 1 ? "another key domain" : "other key domains")} than this key file's. "
            + "The backup shares nothing with it, and each key file opens its own images only. Where that is not meant, stop it and give the key file of the images "
            + "there: stillpoint store import UNIT --key-file FILE says whether a file opens them.");
    }

    private static string[] Split(string list) => list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static void Check(OfflineBackupOrder order)
    {
        if (order.Disks.Count == 0) throw new CommandFailedException(ExitCodes.Failed, "no disk was named.");
        if (string.IsNullOrWhiteSpace(order.VmName)) throw new CommandFailedException(ExitCodes.Failed, "--vm names nothing.");
        if (order.Base is null != order.Changed is null)
            throw new CommandFailedException(ExitCodes.Failed, "--base and --changed go together.", "give both for an incremental, neither for a full");
        if (order.Changed is { } files && files.Count != order.Disks.Count)
            throw new CommandFailedException(ExitCodes.Failed, $"{Counted.Of(order.Disks.Count, "disk")} but {Counted.Of(files.Count, "change list")}.", "give one list a disk, in the same order");
    }

    private static void Print(OutputFormat format, ImageSummary image)
    {
        if (format == OutputFormat.Json)
        {
            Terminal.Json(image);
            return;
        }
        Console.Out.WriteLine($"image {image.Id} of {image.Vm}, {Words.Of(image.Type)}, {image.Created:u}");
        // A column of nothing would take the width of 80 letters.
        var audited = image.Disks.Any(d => d.BytesAudited > 0);
        var table = Terminal.NewTable(["disk", ">size", ">changed", ">read", .. audited ? [">audited"] : Array.Empty<string>(), ">sent", ">wire", ">stored"]);
        foreach (var disk in image.Disks)
        {
            string[] cells =
            [
                Markup.Escape(disk.Name), Bytes.Format(disk.Size), Bytes.Format(disk.BytesChanged), Bytes.Format(disk.BytesRead),
                .. audited ? [Bytes.Format(disk.BytesAudited)] : Array.Empty<string>(),
                Bytes.Format(disk.BytesSent), Bytes.Format(disk.BytesWire), Bytes.Format(disk.BytesStored),
            ];
            table.AddRow(cells);
        }
        Terminal.Out.Write(table);
        foreach (var disk in image.Disks.Where(d => d.FullReason is not null)) Terminal.Out.WriteLine($"{disk.Name} was read in full: {disk.FullReason}");
    }
}
