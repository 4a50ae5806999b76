using System.CommandLine;
using Stillpoint.Chunks;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Cli;

/// <summary>What all verbs of <c>store</c> share: the unit's directory and the key file.</summary>
internal static class StoreAccess
{
    public const string KeyVariable = "STILLPOINT_KEY_FILE";

    public static UnitEnvironment Environment { get; } = new(TimeProvider.System, Ids.New);

    public static Argument<string> NewDirectory() => new("DIR") { Description = "Directory of the storage unit." };

    public static Option<string?> NewKeyFile() => new("--key-file") { Description = $"File of the key domain's key; or {KeyVariable}.", HelpName = "FILE" };

    /// <summary>The key file that was named, by option or by environment; null when none was.</summary>
    public static string? KeyFileOf(string? option) =>
        option ?? (System.Environment.GetEnvironmentVariable(KeyVariable) is { Length: > 0 } named ? named : null);

    public static Task<StorageUnit> OpenAsync(string directory, CancellationToken cancel, UnitEnvironment? environment = null) =>
        File.Exists(Path.Combine(directory, "unit.json"))
            ? StorageUnit.OpenInAsync(directory, environment ?? Environment, cancel)
            : throw new CommandFailedException(ExitCodes.NotFound, $"{directory} holds no storage unit.", "make one with: stillpoint store init DIR");

    public static DomainKeys Keys(string? option) => TryKeys(option)
        ?? throw new CommandFailedException(ExitCodes.Failed, "no key file was given.", $"give --key-file FILE or set {KeyVariable}; store init makes one");

    public static DomainKeys? TryKeys(string? option)
    {
        if (KeyFileOf(option) is not { } path) return null;
        if (!File.Exists(path)) throw new CommandFailedException(ExitCodes.NotFound, $"there is no key file {path}.", "give the one that store init made");
        if (new FileInfo(path).Length > 4096) throw new TroubleException($"key file {path}", "it is no key file.", "give the one that store init made");
        return new DomainKeys(KeyFile.Parse(File.ReadAllBytes(path), path));
    }
}
