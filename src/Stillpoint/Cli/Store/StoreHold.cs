using System.CommandLine;
using System.Security.Cryptography;
using Stillpoint.Chunks;
using Stillpoint.Storage;

namespace Stillpoint.Cli;

/// <summary><c>store hold DIR IMAGE [--vm NAME] [--reason TEXT|--release]</c>: keeps an image from being given up, or ends that.</summary>
internal static class StoreHold
{
    public static Command Create()
    {
        var directory = StoreAccess.NewDirectory();
        var image = new Argument<string>("IMAGE") { Description = "The image: its id, the beginning of it, or latest, of several VMs with --vm." };
        var vm = ImageChoice.NewVm();
        var keyFile = StoreAccess.NewKeyFile();
        var reason = new Option<string?>("--reason") { Description = "Why; sealed with the key.", HelpName = "TEXT" };
        var release = new Option<bool>("--release") { Description = "End the hold." };
        var command = new Command("hold", "Keep an image from being given up until it is released.") { directory, image, vm, keyFile, reason, release };
        command.SetAction(async (parsed, cancel) =>
        {
            var (text, releases) = (parsed.GetValue(reason), parsed.GetValue(release));
            if (text is not null && releases) throw new CommandFailedException(ExitCodes.Failed, "--reason and --release exclude each other.");
            await using var unit = await StoreAccess.OpenAsync(parsed.GetRequiredValue(directory), cancel);
            var found = await ImageChoice.FindAsync(
                unit, parsed.GetRequiredValue(image), parsed.GetValue(vm),
                () => StoreAccess.TryKeys(parsed.GetValue(keyFile), parsed.GetValue(StoreAccess.PassphraseFile)), cancel);
            var state = releases
                ? await Keeper.ReleaseAsync(unit, found.Header.Id, cancel)
                : await Keeper.HoldAsync(unit, found.Header.Id, text is null ? null : Seal(parsed.GetValue(keyFile), parsed.GetValue(StoreAccess.PassphraseFile), found, text), cancel);
            Print(parsed.GetValue(StillpointCommand.Output), found.Header.Id, state);
            return ExitCodes.Ok;
        });
        return command;
    }

    internal static void Print(OutputFormat format, Guid image, ImageKeeping state)
    {
        if (format == OutputFormat.Json) Terminal.Json(new Result(image, state.Held, state.LockedUntil));
        else
        {
            Console.Out.WriteLine(
                $"image {image} is {(state.Held ? "held" : "not held")}{(state.LockedUntil is { } until ? $", locked until {until:u}" : "")}");
        }
    }

    private static SealedBlob Seal(string? keyFile, string? passphraseFile, StoredImage image, string text)
    {
        using var keys = StoreAccess.Keys(keyFile, passphraseFile);
        if (keys.Domain != image.Header.Domain)
            throw new CommandFailedException(ExitCodes.Failed, $"image {image.Header.Id} is of another key domain.", "give the key file that it was made with, or no reason");
        using var random = RandomNumberGenerator.Create();
        return NoteCodec.SealText(keys, image.Header.Id, NoteKind.Hold, text, random);
    }

    private sealed record Result(Guid Image, bool Held, DateTimeOffset? LockedUntil);
}
