using System.CommandLine;
using Stillpoint.Chunks;
using Stillpoint.Storage;
using Stillpoint.VirtualDisks;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary><c>store restore DIR IMAGE TARGET [--vm NAME] [--format raw|vhdx|vhd]</c>: TARGET is a file where the image has one disk, else a
/// folder; one that ends with a separator is a folder always, and gets the configuration files too.</summary>
internal static class StoreRestore
{
    public static Command Create()
    {
        var directory = StoreAccess.NewDirectory();
        var image = new Argument<string>("IMAGE") { Description = "The image: its id, the beginning of it, or latest, of several VMs with --vm." };
        var target = new Argument<string>("TARGET") { Description = "File to write where the image has one disk, else a folder; end it with / for a folder with the configuration files too." };
        var vm = ImageChoice.NewVm();
        var keyFile = StoreAccess.NewKeyFile();
        var format = new Option<string?>("--format") { Description = "Format of the disk files; by default what the ending says: .vhdx, .vhd, else raw.", HelpName = "raw|vhdx|vhd" };
        format.AcceptOnlyFromAmong("raw", "vhdx", "vhd");
        var command = new Command("restore", "Write the disks of an image to files.") { directory, image, target, vm, keyFile, format };
        command.SetAction(async (parsed, cancel) =>
        {
            await using var unit = await StoreAccess.OpenAsync(parsed.GetRequiredValue(directory), cancel);
            using var keys = StoreAccess.Keys(parsed.GetValue(keyFile), parsed.GetValue(StoreAccess.PassphraseFile));
            await using var reader = await unit.OpenReaderAsync(new ReaderScope(keys.Domain), cancel);
            var found = new ImageChoice((await unit.ListImagesAsync(cancel)).Images, keys, parsed.GetValue(vm)).Find(parsed.GetRequiredValue(image));
            var details = ImageDetailsCodec.Open(keys, found);
            var files = await RestoreAsync(reader, keys, found, details, parsed.GetRequiredValue(target), parsed.GetValue(format), cancel);
            Print(parsed.GetValue(StillpointCommand.Output), new Result(found.Header.Id, found.Header.VmId, details.VmName, found.Header.Created, files));
            return ExitCodes.Ok;
        });
        return command;
    }

    private static async Task<List<RestoredFile>> RestoreAsync(
        IImageReader reader, DomainKeys keys, StoredImage image, ImageDetails details, string target, string? format, CancellationToken cancel)
    {
        var toFile = details.Disks.Count == 1 && !Path.EndsInDirectorySeparator(target);
        CheckTarget(target, toFile, details.Disks.Count);
        // The disks come before the files.
        var streams = image.Header.Streams.Take(toFile ? 1 : int.MaxValue).ToList();
        if (toFile && details.Files.Count > 0)
            Terminal.Note($"note: configuration files of the image ({details.Files.Count}) are left out; end TARGET with / for a folder with all of it.");
        using var opener = new RecordOpener(keys);
        using var folder = toFile ? null : MadeFolder.Make(target);
        var files = new List<RestoredFile>();
        for (var i = 0; i < streams.Count; i++)
        {
            var disk = i < details.Disks.Count ? details.Disks[i] : null;
            var name = disk?.Name ?? details.Files[i - details.Disks.Count].Name;
            var kind = disk is null ? DiskFormat.Raw : Format(format, toFile ? target : name);
            var path = toFile ? target : Place(target, disk is null ? name : Path.ChangeExtension(name, Ending(kind)));
            // A part of a disk must not pass for a disk: it has no disk's name until all of it is durable.
            using var whole = RestoreTargets.Begin(path);
            long written;
            await using (var file = RestoreTargets.Create(path, whole.Partial, kind, streams[i].Length, disk))
                written = await DownloadAsync(reader, opener, streams[i], file, name, cancel);
            // Whoever cancelled while the last bytes were synced wants no file either.
            cancel.ThrowIfCancellationRequested();
            whole.Keep();
            files.Add(new RestoredFile(name, path, streams[i].Length, written));
        }
        folder?.Keep();
        return files;
    }

    /// <summary>Progress is of data alone, for holes take no time. How much there is, is counted beside the work, which does not wait for it.</summary>
    private static async Task<long> DownloadAsync(
        IImageReader reader, RecordOpener opener, StreamHeader stream, IDiskTarget target, string name, CancellationToken cancel)
    {
        using var progress = new ByteProgress(name, 0, TimeProvider.System);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var counting = Task.Run(async () => progress.Total = await DiskDownload.DataBytesAsync(reader, stream, stop.Token), stop.Token);
        try
        {
            return await DiskDownload.RunAsync(reader, opener, stream, new CountedTarget(target, progress), null, cancel);
        }
        finally
        {
            await stop.CancelAsync();
            // What is damaged of the tree ends the restore, and is told by it.
            await counting.ContinueWith(static t => _ = t.Exception, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }
    }

    /// <summary>A restore overwrites nothing and mixes with nothing.</summary>
    private static void CheckTarget(string target, bool toFile, int disks)
    {
        if (toFile && ForeignFormat.OfName(target) is { } foreign)
        {
            throw new CommandFailedException(ExitCodes.Failed, $"{target} is named as a {foreign} file, which is not written here.",
                "name a .vhdx, .vhd or .raw file; qemu-img convert turns one into the other");
        }
        if (toFile && Directory.Exists(target))
        {
            throw new CommandFailedException(ExitCodes.Failed, $"{target} is a folder, but the image has one disk, which goes to a file.",
                "name a file, or end TARGET with / for a folder");
        }
        if (!toFile && File.Exists(Path.TrimEndingDirectorySeparator(target)))
        {
            throw new CommandFailedException(ExitCodes.Failed, $"{target} is a file, but the image has {disks} disks, which go to a folder.",
                "name a folder that is empty or not there yet");
        }
        if (!toFile && !Path.EndsInDirectorySeparator(target) && !Directory.Exists(target)
            && Path.GetExtension(target).ToLowerInvariant() is ".raw" or ".img" or ".vhdx" or ".vhd" or ".avhdx" or ".avhd")
        {
            throw new CommandFailedException(ExitCodes.Failed, $"{target} is named as a file, but the image has {disks} disks, which go to a folder.",
                $"for a folder: {Path.ChangeExtension(target, null)}/; --format raw|vhdx|vhd says what its files are");
        }
        if (Path.GetDirectoryName(Path.GetFullPath(target)) is { } parent && toFile && !Directory.Exists(parent))
        {
            throw new CommandFailedException(ExitCodes.NotFound, $"there is no folder {parent} to write {Path.GetFileName(target)} in.",
                "make the folder first, or name another TARGET");
        }
        if (!toFile && Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any(entry => !PartialFile.IsRemains(entry)))
        {
            throw new CommandFailedException(ExitCodes.Failed, $"folder {target} is not empty.",
                "name a folder that is empty or not there yet; a restore overwrites nothing");
        }
    }

    private static DiskFormat Format(string? format, string name) => (format ?? Path.GetExtension(name).TrimStart('.').ToLowerInvariant()) switch
    {
        "vhdx" or "avhdx" => DiskFormat.Vhdx,
        "vhd" or "avhd" => DiskFormat.Vhd,
        _ => DiskFormat.Raw,
    };

    private static string Ending(DiskFormat format) => format switch
    {
        DiskFormat.Vhdx => ".vhdx",
        DiskFormat.Vhd => ".vhd",
        _ => ".raw",
    };

    private static string Place(string folder, string name)
    {
        // The name comes from the image, so from whoever made it.
        if (name != Path.GetFileName(name) || name is "" or "." or ".." || name.Contains('\\', StringComparison.Ordinal))
            throw new CommandFailedException(ExitCodes.Failed, $"the image has a disk of the impossible name '{name}'.");
        return Path.Combine(folder, name);
    }

    private static void Print(OutputFormat format, Result result)
    {
        if (format == OutputFormat.Json)
        {
            Terminal.Json(result);
            return;
        }
        Console.Out.WriteLine($"image {result.Image} of {PlainText.Of(result.Vm, oneLine: true)}, {result.Created:u}");
        foreach (var file in result.Files) Console.Out.WriteLine($"{file.Path}: {Bytes.Format(file.Size)}, {Bytes.Format(file.BytesWritten)} of it data");
    }

    private sealed record Result(Guid Image, Guid VmId, string Vm, DateTimeOffset Created, IReadOnlyList<RestoredFile> Files);

    private sealed record RestoredFile(string Name, string Path, long Size, long BytesWritten);
}
