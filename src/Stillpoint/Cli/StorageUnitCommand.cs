using System.CommandLine;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary><c>stillpoint storage-unit</c>.</summary>
internal static class StorageUnitCommand
{
    public static Command Create() => ServerOptions.Noun("storage-unit", "Where images lie.", [List(), CreateUnit(), Rebuild(), .. StorageUnitDeletion.Commands()]);

    private static Command List()
    {
        var command = new Command("list", "List the storage units.");
        command.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            return Print(parsed, await api.List<StorageUnitView>("storage-units", cancel));
        });
        return command;
    }

    private static Command CreateUnit()
    {
        var name = new Argument<string>("NAME") { Description = "Its name." };
        var folder = new Option<string>("--folder") { Description = "Folder on the media server, or a bucket: s3://BUCKET/PREFIX, s3+https://HOST:PORT/BUCKET/PREFIX.", HelpName = "DIR", Required = true };
        var media = new Option<string?>("--media") { Description = "Which media server, where there are several.", HelpName = "NAME" };
        var chunk = new Option<string>("--chunk-size") { Description = "A power of two.", HelpName = "SIZE", DefaultValueFactory = _ => "64K" };
        var level = new Option<int>("--level") { Description = "zstd level, 1 to 19.", HelpName = "NUMBER", DefaultValueFactory = _ => 1 };
        var command = new Command("create", "Create a storage unit, or attach the one that is in the folder.") { name, folder, media, chunk, level };
        command.SetAction(async (parsed, cancel) =>
        {
            if (!Bytes.TryParse(parsed.GetRequiredValue(chunk), out var size) || size > int.MaxValue)
                throw new CommandFailedException(ExitCodes.Failed, "--chunk-size is no number of bytes.", "For example 64K.");
            using var api = ServerOptions.Connect(parsed);
            var request = new StorageUnitRequest(
                parsed.GetRequiredValue(name), parsed.GetValue(media), parsed.GetRequiredValue(folder), (int)size, parsed.GetValue(level));
            return Print(parsed, [await api.Post<StorageUnitView>("storage-units", request, cancel)]);
        });
        return command;
    }

    private static Command Rebuild()
    {
        var name = new Argument<string>("NAME") { Description = "The storage unit." };
        var command = new Command(
            "rebuild", "List every image of the unit, after the catalog was lost or for a unit that was found: names need the key domain's key in the primary's keys folder.") { name };
        command.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            var report = await api.Post<RebuildReport>($"storage-units/{Uri.EscapeDataString(parsed.GetRequiredValue(name))}/rebuild", null, cancel);
            foreach (var image in report.LeftOutImages) Terminal.Note($"warning: image {image.Image:D} is not listed: {image.Why}");
            return Results.Show(
                parsed, report, ("images in the unit", $"{report.Images}"), ("listed", $"{report.Listed}"), ("read again", $"{report.Refreshed}"),
                ("listed in another unit", report.Elsewhere > 0 ? $"{report.Elsewhere}" : null), ("without names", report.Unnamed > 0 ? $"{report.Unnamed}" : null),
                ("not listed", report.LeftOut > 0 ? $"{report.LeftOut}, which is no image of ours or out of bounds: stillpoint store verify" : null),
                ("key domains without a key here", report.Domains.Count > 0 ? string.Join(", ", report.Domains) : null));
        });
        return command;
    }

    private static int Print(ParseResult parsed, IReadOnlyList<StorageUnitView> units) => Results.List(
        parsed, units, ["storage unit", "media server", "connected", "folder", ">chunks", ">level", ">free"], u =>
        [
            u.Unit.Name, u.Unit.MediaServer, u.Connected ? "yes" : "no", u.Unit.Folder, Bytes.Format(u.Unit.ChunkSize),
                u.Unit.CompressionLevel.ToString(),
            u.Unit.FreeBytes < 0 ? "-" : Bytes.Format(u.Unit.FreeBytes),
        ]);
}
