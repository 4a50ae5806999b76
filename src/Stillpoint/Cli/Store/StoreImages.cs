using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Stillpoint.Chunks;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Cli;

/// <summary><c>store images DIR</c>: the committed images, newest first, and which are held, locked, suspect or damaged. Without a key names are left out.</summary>
internal static class StoreImages
{
    private const string Locked = "locked until ";

    public static Command Create()
    {
        var directory = StoreAccess.NewDirectory();
        var keyFile = StoreAccess.NewKeyFile();
        var command = new Command("images", "List the images, newest first, and which are held, locked, suspect or damaged; names need the key.") { directory, keyFile };
        command.SetAction(async (parsed, cancel) =>
        {
            await using var unit = await StoreAccess.OpenAsync(parsed.GetRequiredValue(directory), cancel);
            using var keys = StoreAccess.TryKeys(parsed.GetValue(keyFile), parsed.GetValue(StoreAccess.PassphraseFile));
            var list = await unit.ListImagesAsync(cancel);
            foreach (var damaged in list.Damaged) Terminal.Note($"warning: {damaged}");
            if (keys is not null && list.Images.Count(i => i.Header.Domain != keys.Domain) is > 0 and var others)
                Terminal.Note($"note: {others} of {list.Images.Count} {(others == 1 ? "images is" : "images are")} of other key domains: names need the key file that they were made with.");
            var images = new List<Listed>();
            var opened = true;
            foreach (var image in list.Images)
            {
                var (summary, trouble) = ImageSummaries.TryOf(image, keys);
                images.Add(State(list, image, summary, trouble is null ? keys : null));
                if (trouble is null) continue;
                opened = false;
                Terminal.Note($"warning: image {summary.Id:D}: {trouble.Message}");
            }
            Print(parsed.GetValue(StillpointCommand.Output), images);
            return list.Damaged.Count == 0 && opened ? ExitCodes.Ok : ExitCodes.Damaged;
        });
        return command;
    }

    private static Listed State(ImageList list, StoredImage image, ImageSummary summary, DomainKeys? keys)
    {
        var keeping = list.Keepings.GetValueOrDefault(image.Header.Id, ImageKeeping.None);
        DateTimeOffset? until = list.LockedUntil.TryGetValue(image.Header.Id, out var date) ? date : null;
        return new Listed(summary, keeping.Held, until, ImageDoubt.Of(image, keys), ImageDoubt.All(image, keys));
    }

    private static void Print(OutputFormat format, List<Listed> images)
    {
        if (format == OutputFormat.Json)
        {
            Terminal.Json(images.ConvertAll(i => i.ToJson()));
            return;
        }
        // A column of nothing would take the width of 80 letters.
        var states = images.Exists(i => i.State.Length > 0);
        Column[] columns =
        [
            Column.Whole("image") with { Short = ShortId.Of }, new("vm") { Cut = 4 }, Column.Whole("created") with { Short = Minutes },
            Column.Whole("type") with { Short = ShortType.Of }, Column.Whole("consistency") with { Drop = 1 }, Column.Number("disks") with { Drop = 2 },
            Column.Number("size") with { Drop = 5 }, Column.Number("sent") with { Drop = 4 }, Column.Number("stored") with { Drop = 6 },
            Column.Whole("verified") with { Drop = 3, Short = verified => verified.Split(' ')[0] },
            .. states ? [Column.Whole("state") with { Short = ShortState }] : Array.Empty<Column>(),
        ];
        Results.Table(columns, images.ConvertAll(listed => Row(listed, states)));
    }

    private static IReadOnlyList<string> Row(Listed listed, bool states)
    {
        var image = listed.Summary;
        return
        [
            image.Id.ToString(), image.Vm ?? "-", $"{image.Created:u}", Words.Of(image.Type), Words.Of(image.Consistency), $"{image.Disks.Count}",
            Bytes.Format(image.Disks.Sum(d => d.Size)), Bytes.Format(image.Disks.Sum(d => d.BytesSent)), Bytes.Format(image.Disks.Sum(d => d.BytesStored)),
            image.Verified is { } v ? $"{v.Result} {v.At:u}" : "-", .. states ? [listed.State.Length > 0 ? listed.State : "-"] : Array.Empty<string>(),
        ];
    }

    /// <summary>A time as <c>u</c> prints it, without the seconds.</summary>
    private static string Minutes(string time) => time[..16];

    /// <summary>The day is enough, and beside other states that it is locked.</summary>
    private static string ShortState(string state)
    {
        if (state.IndexOf(Locked, StringComparison.Ordinal) is var at && at < 0) return state;
        return at > 0 ? state[..at] + "locked" : $"locked {state.AsSpan(at + Locked.Length, 10)}";
    }

    /// <summary>An image with what its unit says of it.</summary>
    /// <param name="Summary">The image.</param>
    /// <param name="Held">True while it may not be given up.</param>
    /// <param name="LockedUntil">The date before which it may not be given up; null for none.</param>
    /// <param name="Doubt">See <see cref="ImageDoubt.Of"/>.</param>
    /// <param name="Doubts">See <see cref="ImageDoubt.All"/>.</param>
    private sealed record Listed(ImageSummary Summary, bool Held, DateTimeOffset? LockedUntil, string? Doubt, IReadOnlyList<string> Doubts)
    {
        public string State => string.Join(
            ", ", Doubts.Select(d => d.ToUpperInvariant()).Concat(new[] { Held ? "held" : null, LockedUntil is { } until ? $"{Locked}{until:u}" : null }.OfType<string>()));

        /// <summary>The summary's fields, and these beside them.</summary>
        public JsonNode ToJson()
        {
            var image = JsonSerializer.SerializeToNode(Summary, Words.ReadableJson)!;
            image["held"] = Held;
            if (LockedUntil is { } until) image["lockedUntil"] = JsonSerializer.SerializeToNode(until, Words.ReadableJson);
            if (Doubt is null) return image;
            image["doubt"] = Doubt;
            image["doubts"] = JsonSerializer.SerializeToNode(Doubts, Words.ReadableJson);
            return image;
        }
    }
}
