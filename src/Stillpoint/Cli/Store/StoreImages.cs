using System.CommandLine;
using Spectre.Console;
using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary><c>store images DIR</c>: the committed images, newest first. Without a key names are left out.</summary>
internal static class StoreImages
{
    public static Command Create()
    {
        var directory = StoreAccess.NewDirectory();
        var keyFile = StoreAccess.NewKeyFile();
        var command = new Command("images", "List the images, newest first; names need the key.") { directory, keyFile };
        command.SetAction(async (parsed, cancel) =>
        {
            await using var unit = await StoreAccess.OpenAsync(parsed.GetRequiredValue(directory), cancel);
            using var keys = StoreAccess.TryKeys(parsed.GetValue(keyFile), parsed.GetValue(StoreAccess.PassphraseFile));
            var list = await unit.ListImagesAsync(cancel);
            foreach (var damaged in list.Damaged) Terminal.Note($"warning: {damaged}");
            if (keys is not null && list.Images.Count(i => i.Header.Domain != keys.Domain) is > 0 and var others)
                Terminal.Note($"note: {others} of {list.Images.Count} images are of other key domains: their names need the key file that they were made with.");
            var images = list.Images.Select(i => ImageSummaries.TryOf(i, keys)).ToList();
            foreach (var (summary, trouble) in images)
                if (trouble is not null) Terminal.Note($"warning: image {summary.Id:D}: {trouble.Message}");
            Print(parsed.GetValue(StillpointCommand.Output), images.ConvertAll(i => i.Summary));
            return list.Damaged.Count == 0 && images.TrueForAll(i => i.Trouble is null) ? ExitCodes.Ok : ExitCodes.Damaged;
        });
        return command;
    }

    private static void Print(OutputFormat format, List<ImageSummary> images)
    {
        if (format == OutputFormat.Json)
        {
            Terminal.Json(images);
            return;
        }
        var table = Terminal.NewTable("image", "vm", "created", "type", "consistency", ">disks", ">size", ">sent", ">stored", "verified");
        foreach (var image in images)
        {
            table.AddRow(
                image.Id.ToString(), Markup.Escape(image.Vm ?? "-"), $"{image.Created:u}", Words.Of(image.Type), Words.Of(image.Consistency),
                $"{image.Disks.Count}", Bytes.Format(image.Disks.Sum(d => d.Size)), Bytes.Format(image.Disks.Sum(d => d.BytesSent)),
                Bytes.Format(image.Disks.Sum(d => d.BytesStored)), image.Verified is { } v ? $"{v.Result} {v.At:u}" : "-");
        }
        Terminal.Out.Write(table);
    }
}
