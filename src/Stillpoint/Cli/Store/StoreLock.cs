using System.CommandLine;
using System.Globalization;
using Stillpoint.Storage;

namespace Stillpoint.Cli;

/// <summary><c>store lock DIR IMAGE [--vm NAME] --until DATE</c>: no command of ours gives the image up before.</summary>
internal static class StoreLock
{
    public static Command Create()
    {
        var directory = StoreAccess.NewDirectory();
        var image = new Argument<string>("IMAGE") { Description = "The image: its id, the beginning of it, or latest, of several VMs with --vm." };
        var vm = ImageChoice.NewVm();
        var keyFile = StoreAccess.NewKeyFile();
        var until = new Option<string>("--until") { Description = "First moment at which it may go, UTC: 2027-01-31 or 2027-01-31T12:00.", HelpName = "DATE", Required = true };
        var command = new Command("lock", "Keep an image from being given up before a date. A lock can be lengthened, never shortened; who owns the machine can still delete files.")
        {
            directory, image, vm, keyFile, until,
        };
        command.SetAction(async (parsed, cancel) =>
        {
            var text = parsed.GetRequiredValue(until);
            if (!DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var date))
                throw new CommandFailedException(ExitCodes.Failed, $"--until {text} is no date.", "write 2027-01-31 or 2027-01-31T12:00");
            await using var unit = await StoreAccess.OpenAsync(parsed.GetRequiredValue(directory), cancel);
            if (date <= StoreAccess.Environment.Time.GetUtcNow()) throw new CommandFailedException(ExitCodes.Failed, $"{date:u} is over.", "give a date that is to come");
            var found = await ImageChoice.FindAsync(
                unit, parsed.GetRequiredValue(image), parsed.GetValue(vm),
                () => StoreAccess.TryKeys(parsed.GetValue(keyFile), parsed.GetValue(StoreAccess.PassphraseFile)), cancel);
            var state = await Keeper.LockAsync(unit, found.Header.Id, date, cancel);
            StoreHold.Print(parsed.GetValue(StillpointCommand.Output), found.Header.Id, state);
            if (state.LockedUntil > date) Terminal.Note($"Nothing was changed: {date:u} is before the date that was there, and nothing shortens a lock.");
            return ExitCodes.Ok;
        });
        return command;
    }
}
