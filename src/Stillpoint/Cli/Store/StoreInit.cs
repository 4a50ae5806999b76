using System.CommandLine;
using System.Security.Cryptography;
using Stillpoint.Chunks;
using Stillpoint.Durable;
using Stillpoint.Storage;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary><c>store init DIR</c>: makes a storage unit, and a key file where there is none.</summary>
internal static class StoreInit
{
    public static Command Create()
    {
        var directory = StoreAccess.NewDirectory();
        var keyFile = StoreAccess.NewKeyFile();
        var chunkSize = new Option<string>("--chunk-size") { Description = "Bytes of a chunk: 64K to 1M.", HelpName = "SIZE", DefaultValueFactory = _ => "64K" };
        var level = new Option<int>("--level") { Description = "zstd level, 1 to 19.", HelpName = "NUMBER", DefaultValueFactory = _ => 1 };
        var command = new Command("init", "Make a storage unit; a key file too where the one named is absent.") { directory, keyFile, chunkSize, level };
        command.SetAction(async (parsed, cancel) =>
        {
            if (!Bytes.TryParse(parsed.GetValue(chunkSize)!, out var size) || size > int.MaxValue)
                throw new CommandFailedException(ExitCodes.Failed, $"--chunk-size {parsed.GetValue(chunkSize)} is no size.", "write 64K, 128K, 256K, 512K or 1M");
            await using var unit = await StorageUnit.CreateInAsync(
                parsed.GetRequiredValue(directory), (int)size, parsed.GetValue(level), StoreAccess.Environment, cancel);
            var path = StoreAccess.KeyFileOf(parsed.GetValue(keyFile));
            var made = path is not null && MakeKey(path);
            using var keys = StoreAccess.TryKeys(path);
            Print(parsed.GetValue(StillpointCommand.Output), new Result(unit.Parameters.UnitId, unit.Name, (int)size, parsed.GetValue(level), path, made, keys?.Domain));
            return ExitCodes.Ok;
        });
        return command;
    }

    private static bool MakeKey(string path)
    {
        if (File.Exists(path)) return false;
        var master = RandomNumberGenerator.GetBytes(DomainKeys.MasterSize);
        return DurableFile.TryCreate(path, KeyFile.Format(master), Ids.New().ToString("N"));
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
    }

    private sealed record Result(Guid Id, string Path, int ChunkSize, int CompressionLevel, string? KeyFile, bool KeyMade, Guid? Domain);
}
