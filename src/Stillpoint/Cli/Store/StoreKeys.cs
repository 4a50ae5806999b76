using System.CommandLine;
using System.Security.Cryptography;
using Spectre.Console;
using Stillpoint.Chunks;
using Stillpoint.Durable;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Cli;

/// <summary><c>store keys show|rotate|wrap|unwrap|export</c>: the key file, its passphrase, its epochs and what lies under each.</summary>
internal static class StoreKeys
{
    private const string NewPassphraseVariable = "STILLPOINT_NEW_PASSPHRASE_FILE";

    public static Command Create() => new("keys", "The key file: what it opens, its passphrase, its epochs.") { Show(), Rotate(), Wrap(), Unwrap(), Export() };

    private static Command Show()
    {
        var directory = new Argument<string?>("UNIT") { Description = "A storage unit, to see what lies under which epoch.", Arity = ArgumentArity.ZeroOrOne };
        var keyFile = StoreAccess.NewKeyFile();
        var command = new Command("show", "Which domain the key file is for, and what of a unit lies under which epoch; needs no passphrase.") { directory, keyFile };
        command.SetAction(async (parsed, cancel) =>
        {
            var path = StoreAccess.RequiredKeyFile(parsed.GetValue(keyFile));
            var file = StoreAccess.ReadKeyFile(path);
            IReadOnlyList<EpochUse>? epochs = null;
            if (parsed.GetValue(directory) is { } unitDirectory)
            {
                await using var unit = await StoreAccess.OpenAsync(unitDirectory, cancel);
                epochs = await unit.EpochsAsync(file.Domain, cancel);
            }
            Print(parsed, path, file, epochs);
            return ExitCodes.Ok;
        });
        return command;
    }

    private static Command Rotate()
    {
        var keyFile = StoreAccess.NewKeyFile();
        var command = new Command("rotate", "Start a new epoch: what is written from now on lies under a new key. Old data stays readable; "
            + "collect with the key re-encrypts it. A rotation shuts nobody out: a copy of the key file from before, or a kit, opens what is written after it too. "
            + "Where one was stolen, back up into a key domain of its own: a new unit, or this one, with a new key file.") { keyFile };
        command.SetAction(parsed => Change(parsed, keyFile, (file, master, passphrase) => Same(file, master.Rotate(), passphrase)));
        return command;
    }

    private static Command Wrap()
    {
        var keyFile = StoreAccess.NewKeyFile();
        var fresh = NewPassphrase();
        var command = new Command("wrap", "Lock the key file with a passphrase, or change it.") { keyFile, fresh };
        command.SetAction(parsed => Change(parsed, keyFile, (_, master, _) => Locked(master, Required(parsed.GetValue(fresh)))));
        return command;
    }

    private static Command Unwrap()
    {
        var keyFile = StoreAccess.NewKeyFile();
        var command = new Command("unwrap", "Take the passphrase off the key file.") { keyFile };
        command.SetAction(parsed => Change(parsed, keyFile, (_, master, _) => KeyFile.Format(master)));
        return command;
    }

    private static Command Export()
    {
        var target = new Argument<string>("FILE") { Description = "The copy; it must not exist." };
        var keyFile = StoreAccess.NewKeyFile();
        var fresh = NewPassphrase();
        var plain = new Option<bool>("--plain") { Description = "Without a passphrase: whoever reads the copy can read all backups." };
        var command = new Command("export", "Write a copy of the key file, under a passphrase of its own or plain.") { target, keyFile, fresh, plain };
        command.SetAction(parsed =>
        {
            var master = StoreAccess.Master(StoreAccess.ReadKeyFile(StoreAccess.RequiredKeyFile(parsed.GetValue(keyFile))), parsed.GetValue(StoreAccess.PassphraseFile));
            var path = parsed.GetRequiredValue(target);
            StoreAccess.CreateSecret(path, parsed.GetValue(plain) ? KeyFile.Format(master) : Locked(master, Required(parsed.GetValue(fresh))));
            Print(parsed, path, StoreAccess.ReadKeyFile(path), null);
            return ExitCodes.Ok;
        });
        return command;
    }

    private static Option<string?> NewPassphrase() => new("--new-passphrase-file")
    {
        Description = $"File with the passphrase to lock it with; or {NewPassphraseVariable}, or it is asked for.",
        HelpName = "FILE",
    };

    private static byte[] Required(string? file) => Passphrase.AskNew(file, NewPassphraseVariable, "new passphrase")
        ?? throw new CommandFailedException(ExitCodes.Failed, "no new passphrase was given.", $"give --new-passphrase-file FILE or set {NewPassphraseVariable}");

    /// <summary>Replaces the key file by another form of itself: after a crash the old one is there or the new one.</summary>
    private static int Change(ParseResult parsed, Option<string?> keyFile, Func<KeyFile, DomainMaster, byte[], byte[]> change)
    {
        var path = StoreAccess.RequiredKeyFile(parsed.GetValue(keyFile));
        var file = StoreAccess.ReadKeyFile(path);
        var passphrase = file.Wrap is null
            ? []
            : Passphrase.Ask(parsed.GetValue(StoreAccess.PassphraseFile), StoreAccess.PassphraseVariable, "passphrase of the key file") ?? [];
        var bytes = change(file, file.Open(passphrase), passphrase);
        CryptographicOperations.ZeroMemory(passphrase);
        // A file that did not read back would lock its owner out.
        var changed = KeyFile.Read(bytes, path);
        if (changed.Domain != file.Domain) throw new InvalidOperationException("the changed key file is another domain's");
        DurableFile.Replace(path, bytes);
        Print(parsed, path, changed, null);
        return ExitCodes.Ok;
    }

    private static byte[] Same(KeyFile file, DomainMaster master, byte[] passphrase)
    {
        if (file.Wrap is null) return KeyFile.Format(master);
        using var random = RandomNumberGenerator.Create();
        return KeyFile.Format(master, passphrase, file.Wrap, random);
    }

    private static byte[] Locked(DomainMaster master, byte[] passphrase)
    {
        using var random = RandomNumberGenerator.Create();
        return KeyFile.Format(master, passphrase, new PassphraseWrap(), random);
    }

    private static void Print(ParseResult parsed, string path, KeyFile file, IReadOnlyList<EpochUse>? epochs)
    {
        var kit = KitState.Read(path);
        if (parsed.GetValue(StillpointCommand.Output) == OutputFormat.Json)
        {
            Terminal.Json(new Result(path, file.Domain, file.Epoch, file.Wrap, epochs, kit));
            return;
        }
        Console.Out.WriteLine($"key file {path}: domain {file.Domain:D}, epoch {file.Epoch}, "
            + (file.Wrap is { } wrap ? $"locked by a passphrase (Argon2id, {Bytes.Format((long)wrap.MemoryKiB << 10)}, {Counted.Of(wrap.Passes, "pass", "passes")})" : "not locked"));
        if (kit is not null) Console.Out.WriteLine($"recovery kit {kit.Kit}, made {kit.Made:u}, {(kit.Opened is { } at ? $"opened {at:u}" : "never opened")}");
        if (epochs is null) return;
        var table = Terminal.NewTable("epoch", ">packs", ">bytes", ">images' details", ">notes", "");
        foreach (var use in epochs)
        {
            var when = use.Epoch == file.Epoch ? "now" : use.Epoch > file.Epoch ? "newer than this key file" : "";
            table.AddRow($"{use.Epoch}", $"{use.Packs}", Bytes.Format(use.Bytes), $"{use.Images}", $"{use.Notes}", when);
        }
        Terminal.Out.Write(table);
        if (file.Epoch == 0) return;
        var old = epochs.Where(use => use.Epoch < file.Epoch).ToList();
        Console.Out.WriteLine(
            old.Count == 0 ? $"nothing lies under an epoch before {file.Epoch}"
            : old.Sum(use => use.Packs) is > 0 and var packs
                ? $"{Counted.Of(packs, "pack lies", "packs lie")} under older epochs: store collect UNIT --key-file {path} encrypts {(packs == 1 ? "it" : "them")} anew"
            : $"no disk data lies under an epoch before {file.Epoch}; names of {Counted.Of(old.Sum(use => use.Images), "image")} and {Counted.Of(old.Sum(use => use.Notes), "note")} do, "
                + "until these images are given up: an image never changes");
    }

    private sealed record Result(string KeyFile, Guid Domain, int Epoch, PassphraseWrap? Wrapped, IReadOnlyList<EpochUse>? Epochs, KitState? Kit);
}
