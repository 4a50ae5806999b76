using System.CommandLine;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary><c>stillpoint restore</c>.</summary>
internal static class RestoreCommand
{
    public static Command Create() => ServerOptions.Noun("restore", "Bring back a VM or a disk.", Vm(), Disk(), Rollback());

    private static Argument<string> Image() => new("IMAGE") { Description = "The image: its id, or the beginning of it." };

    private static Option<string> Host() => new("--host") { Description = "Host to restore on.", HelpName = "HOST", Required = true };

    private static Option<bool> Wait() => new("--wait") { Description = "Wait for the end; the exit code is the outcome." };

    private static Command Vm()
    {
        var (image, host, wait) = (Image(), Host(), Wait());
        var name = new Option<string>("--name") { Description = "Name of the restored VM.", HelpName = "NAME", Required = true };
        var folder = new Option<string?>("--folder")
        {
            Description = "Host folder for configuration and disks; otherwise one of that name beside the original disks.",
            HelpName = "DIR",
        };
        var start = new Option<bool>("--start") { Description = "Start the VM at the end." };
        var original = new Option<bool>("--original")
        {
            Description = "Put every disk where it was; the VM must be gone from the host. A VM that is still there goes back with 'restore rollback'.",
        };
        var keepId = new Option<bool>("--keep-id") { Description = "Give the VM the id that it had; the host must have none of that id." };
        var network = new Option<string[]>("--network")
        {
            Description = "Connect network adapters: 'original' to the switches that they had, SWITCH for all of them, OLD=SWITCH for those on one. "
                + "Otherwise they are disconnected. May be repeated.",
            HelpName = "original|SWITCH|OLD=SWITCH",
        };
        var command = new Command("vm", "Bring a VM back: beside the original under a new name, or where it was.")
        {
            image, host, name, folder, original, keepId, network, start, wait,
        };
        command.SetAction((parsed, cancel) => Ask(parsed, "restores/vm", new
        {
            image = parsed.GetRequiredValue(image),
            host = parsed.GetRequiredValue(host),
            name = parsed.GetRequiredValue(name),
            folder = parsed.GetValue(folder),
            start = parsed.GetValue(start),
            original = parsed.GetValue(original),
            keepId = parsed.GetValue(keepId),
            network = Network(parsed.GetValue(network) ?? []),
        }, parsed.GetValue(wait), cancel));
        return command;
    }

    private static NetworkMap? Network(string[] words)
    {
        if (words.Length == 0) return null;
        var switches = new Dictionary<string, string>();
        foreach (var word in words.Where(w => w != "original"))
        {
            var equals = word.IndexOf('=', StringComparison.Ordinal);
            switches[equals > 0 ? word[..equals] : "*"] = word[(equals + 1)..];
        }
        return new NetworkMap(words.Contains("original"), switches);
    }

    private static Command Disk()
    {
        var (image, host, wait) = (Image(), Host(), Wait());
        var disk = new Argument<string>("DISK") { Description = "The disk's name in the image, or its number counted from 0." };
        var file = new Argument<string>("FILE") { Description = "Host path of the file to write; .vhdx, or anything else for raw." };
        var command = new Command("disk", "Write one disk of an image to a file on a host.") { image, disk, file, host, wait };
        command.SetAction((parsed, cancel) => Ask(parsed, "restores/disk", new
        {
            image = parsed.GetRequiredValue(image),
            disk = parsed.GetRequiredValue(disk),
            file = parsed.GetRequiredValue(file),
            host = parsed.GetRequiredValue(host),
        }, parsed.GetValue(wait), cancel));
        return command;
    }

    private static Command Rollback()
    {
        var (image, wait) = (Image(), Wait());
        var host = new Option<string?>("--host") { Description = "Host that has the VM now; otherwise the one that made the image.", HelpName = "HOST" };
        var start = new Option<bool>("--start") { Description = "Start the VM at the end." };
        var command = new Command("rollback", "Bring a VM that is off back to an image, over the VM itself; only what differs is written.")
        {
            image, host, start, wait,
        };
        command.SetAction((parsed, cancel) => Ask(parsed, "restores/rollback", new
        {
            image = parsed.GetRequiredValue(image),
            host = parsed.GetValue(host),
            start = parsed.GetValue(start),
        }, parsed.GetValue(wait), cancel));
        return command;
    }

    private static async Task<int> Ask(ParseResult parsed, string path, object body, bool wait, CancellationToken cancel)
    {
        using var api = ServerOptions.Connect(parsed);
        var job = await api.Post<Job>(path, body, cancel);
        return wait ? await new JobWatcher(api, TimeProvider.System).Watch(parsed, [job], cancel) : JobCommand.Print(parsed, [job]);
    }
}
