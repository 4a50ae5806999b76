using System.CommandLine;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary><c>stillpoint image</c>.</summary>
internal static class ImageCommand
{
    public static Command Create() => ServerOptions.Noun("image", "What was backed up.", List(), Show());

    private static Command List()
    {
        var vm = new Option<string?>("--vm") { Description = "Only images of this VM: name or id.", HelpName = "VM" };
        var limit = new Option<int>("--limit") { Description = "At most so many, newest first.", HelpName = "NUMBER", DefaultValueFactory = _ => 50 };
        var command = new Command("list", "List images, newest first.") { vm, limit };
        command.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            var filter = parsed.GetValue(vm) is { } name ? $"?vm={Uri.EscapeDataString(name)}" : "";
            var images = await api.List<ImageRecord>("images" + filter, cancel, Math.Max(1, parsed.GetValue(limit)));
            return Results.List(
                parsed, images,
                [
                    Column.Whole("image"), new("VM"), new("host") { Drop = 4 }, Column.Whole("created"), new("type") { Short = ShortType.Of },
                    new("consistency") { Drop = 3 }, new("storage unit") { Drop = 2 }, Column.Number("size"), Column.Number("read") with { Drop = 1 },
                    Column.Number("sent"), Column.Number("stored"),
                ], i =>
                [
                    ShortId.Of(i.Id), i.Vm, i.Host, Results.At(i.Created), Words.Of(i.Type), Words.Of(i.Consistency), i.StorageUnit,
                    Bytes.Format(i.Disks.Sum(d => d.Size)), Bytes.Format(i.Disks.Sum(d => d.BytesRead)), Bytes.Format(i.Disks.Sum(d => d.BytesSent)),
                    Bytes.Format(i.Disks.Sum(d => d.BytesStored)),
                ]);
        });
        return command;
    }

    private static Command Show()
    {
        var id = new Argument<string>("IMAGE") { Description = "Its id, or the beginning of it." };
        var command = new Command("show", "Show an image and its disks.") { id };
        command.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            var image = await api.Get<ImageRecord>($"images/{Uri.EscapeDataString(parsed.GetRequiredValue(id))}", cancel);
            Results.Show(parsed, image,
                ("image", image.Id.ToString()), ("VM", $"{image.Vm} {image.VmId}"), ("host", image.Host), ("created", Results.At(image.Created)),
                ("type", Words.Of(image.Type)), ("consistency", Words.Of(image.Consistency)),
                    ("method", image.Method is { } method ? Words.Of(method) : null),
                ("storage unit", image.StorageUnit), ("key domain", image.KeyDomain), ("policy", image.Policy), ("schedule", image.Schedule),
                ("job", image.JobId.ToString()), ("base for incrementals", image.HasBaseNote ? "yes" : "no"),
                ("verified", image.Verified is { } verified ? $"{verified.Result} ({Words.Of(verified.Kind)}) {Results.At(verified.At)}" : null));
            if (!Results.IsJson(parsed))
            {
                Column[] columns = ["disk", ">size", ">changed", ">read", ">audited", ">sent", ">wire", ">stored", "read in full because"];
                Results.List(parsed, image.Disks, columns, d =>
                [
                    d.Name, Bytes.Format(d.Size), Bytes.Format(d.BytesChanged), Bytes.Format(d.BytesRead), Bytes.Format(d.BytesAudited),
                    Bytes.Format(d.BytesSent), Bytes.Format(d.BytesWire), Bytes.Format(d.BytesStored), d.FullReason ?? "",
                ]);
                if (image.Findings.Count > 0) VmCommand.PrintFindings(parsed, image.Findings);
            }
            return ExitCodes.Ok;
        });
        return command;
    }
}
