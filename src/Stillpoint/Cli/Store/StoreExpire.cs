using System.CommandLine;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Cli;

/// <summary><c>store expire DIR IMAGE…</c>: gives up single images that are neither held nor locked.</summary>
internal static class StoreExpire
{
    public static Command Create()
    {
        var directory = StoreAccess.NewDirectory();
        var images = new Argument<string[]>("IMAGE") { Description = "The images: their ids, or the beginnings of them.", Arity = ArgumentArity.OneOrMore };
        var vm = ImageChoice.NewVm();
        var keyFile = StoreAccess.NewKeyFile();
        var glass = StorePrune.NewGlass();
        var command = new Command("expire", "Give up single images that are not held or locked; store collect then frees the space.") { directory, images, vm, keyFile, glass };
        command.SetAction(async (parsed, cancel) =>
        {
            await using var unit = await StoreAccess.OpenAsync(parsed.GetRequiredValue(directory), cancel);
            // All are looked up before the first is given up, so that a slip of the pen changes nothing.
            var found = new HashSet<Guid>();
            foreach (var text in parsed.GetRequiredValue(images))
            {
                found.Add((await ImageChoice.FindAsync(
                    unit, text, parsed.GetValue(vm), () => StoreAccess.TryKeys(parsed.GetValue(keyFile), parsed.GetValue(StoreAccess.PassphraseFile)), cancel)).Header.Id);
            }
            var ids = found.ToList();
            try
            {
                foreach (var id in ids) await Keeper.ExpireAsync(unit, id, StorePrune.Glass(parsed.GetValue(glass)), cancel);
            }
            catch (TroubleException e) when (e.InnerException is ObjectLockedException)
            {
                throw new CommandFailedException(ExitCodes.Locked, $"{e.Trouble.Culprit}: {e.Trouble.Message}", e.Trouble.NextStep);
            }
            if (parsed.GetValue(StillpointCommand.Output) == OutputFormat.Json) Terminal.Json(new Result(ids));
            else foreach (var id in ids) Console.Out.WriteLine($"image {id} was given up");
            return ExitCodes.Ok;
        });
        return command;
    }

    private sealed record Result(IReadOnlyList<Guid> Expired);
}
