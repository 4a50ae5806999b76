using System.CommandLine;
using System.Security.Cryptography;
using Stillpoint.Chunks;
using Stillpoint.Durable;
using Stillpoint.Storage;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary><c>store init UNIT</c>: makes a storage unit, and a key file where there is none.</summary>
internal static class StoreInit
{
    public static Command Create()
    {
        var directory = StoreAccess.NewDirectory();
        var keyFile = StoreAccess.NewKeyFile();
        var chunkSize = new Option<string>("--chunk-size") { Description = "Bytes of a chunk: 64K to 1M.", HelpName = "SIZE", DefaultValueFactory = _ => "64K" };
        var level = new Option<int>("--level") { Description = "zstd level, 1 to 19.", HelpName = "NUMBER", DefaultValueFactory = _ => 1 };
        var lockDays = new Option<int?>("--lock-days")
        {
            Description = "Lock what is written for so many days (a bucket with Object Lock): the server deletes no version before, whatever key they hold.",
            HelpName = "NUMBER",
        };
        var noKit = new Option<bool>("--no-kit") { Description = "Make no recovery kit for a new key file." };
        var kitPassphrase = StoreKit.NewPassphraseFile();
        var command = new Command("init", "Make a storage unit; a key file and its recovery kit too where the one named is absent.")
        {
            directory, keyFile, chunkSize, level, lockDays, noKit, kitPassphrase,
        };
        command.SetAction(async (parsed, cancel) =>
        {
            if (!Bytes.TryParse(parsed.GetValue(chunkSize)!, out var size) || size > int.MaxValue)
                throw new CommandFailedException(ExitCodes.Failed, $"--chunk-size {parsed.GetValue(chunkSize)} is no size.", "write 64K, 128K, 256K, 512K or 1M");
            var path = StoreAccess.KeyFileOf(parsed.GetValue(keyFile));
            var bytes = path is null || File.Exists(path) ? null : NewKey(parsed.GetValue(StoreAccess.PassphraseFile));
            var key = path is null ? null : bytes is null ? StoreAccess.ReadKeyFile(path) : KeyFile.Read(bytes, path);
            await using var unit = await StorageUnit.CreateInAsync(
                parsed.GetRequiredValue(directory), (int)size, parsed.GetValue(level), parsed.GetValue(lockDays), StoreAccess.Environment, cancel, key?.Domain);
            var made = bytes is not null && DurableFile.TryCreate(path!, bytes, Ids.New().ToString("N"));
            // Another made it meanwhile.
            if (bytes is not null && !made) key = StoreAccess.ReadKeyFile(path!);
            var kit = made && !parsed.GetValue(noKit) ? await MakeKitAsync(unit, key!, path!, parsed, kitPassphrase, cancel) : null;
            Print(parsed.GetValue(StillpointCommand.Output), new Result(
                unit.Parameters.UnitId, unit.Name, (int)size, parsed.GetValue(level), path, made, key?.Domain, kit?.Kit, kit?.RecoveryPassphrase));
            return ExitCodes.Ok;
        });
        return command;
    }

    /// <summary>A new key file's bytes, locked where a passphrase file was named.</summary>
    private static byte[] NewKey(string? passphraseFile)
    {
        var master = new DomainMaster(RandomNumberGenerator.GetBytes(DomainKeys.MasterSize), 0);
        using var random = RandomNumberGenerator.Create();
        var named = passphraseFile is not null || Environment.GetEnvironmentVariable(StoreAccess.PassphraseVariable) is { Length: > 0 };
        var passphrase = named ? Passphrase.Ask(passphraseFile, StoreAccess.PassphraseVariable, "") : null;
        return passphrase is null ? KeyFile.Format(master) : KeyFile.Format(master, passphrase, new PassphraseWrap(), random);
    }

    private static async Task<StoreKit.Made> MakeKitAsync(
        StorageUnit unit, KeyFile key, string path, ParseResult parsed, Option<string?> kitPassphrase, CancellationToken cancel)
    {
        var master = StoreAccess.Master(key, parsed.GetValue(StoreAccess.PassphraseFile));
        var named = new KitUnit(unit.Parameters.UnitId, unit.Name, await unit.HeadAsync(cancel));
        return StoreKit.Write(master, [named], path, path + ".kit.txt", parsed.GetValue(kitPassphrase));
    }

    private static void Print(OutputFormat format, Result result)
    {
        if (format == OutputFormat.Json)
        {
            Terminal.Json(result);
            return;
        }
        Console.Out.WriteLine($"storage unit {result.Id} in {result.Path}, chunks of {Bytes.Format(result.ChunkSize)}, zstd level {result.CompressionLevel}");
        if (result.KeyFile is null) Terminal.Note("A backup needs a key: run store init with --key-file for the next unit, or make one with any unit; one key serves many.");
        else if (result.KeyMade) Console.Out.WriteLine($"key file {result.KeyFile} made: keep a copy elsewhere; without it nothing can be restored");
        else Terminal.Note("note: the key file was there; a recovery kit that names this unit too is made with: stillpoint store kit create UNIT… --to FILE");
        if (result.Kit is not null) StoreKit.Print(new StoreKit.Made(result.Kit, result.RecoveryPassphrase), result.KeyFile!);
    }

    private sealed record Result(
        Guid Id, string Path, int ChunkSize, int CompressionLevel, string? KeyFile, bool KeyMade, Guid? Domain, string? Kit, string? RecoveryPassphrase);
}
