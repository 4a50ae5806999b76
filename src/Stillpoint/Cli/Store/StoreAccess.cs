using System.CommandLine;
using System.Security.Cryptography;
using Stillpoint.Chunks;
using Stillpoint.Durable;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Cli;

/// <summary>What all verbs of <c>store</c> share: the unit's directory, the key file and its passphrase.</summary>
internal static class StoreAccess
{
    public const string KeyVariable = "STILLPOINT_KEY_FILE", PassphraseVariable = "STILLPOINT_PASSPHRASE_FILE";

    /// <summary><c>--passphrase-file</c>, known to every verb of <c>store</c>.</summary>
    public static Option<string?> PassphraseFile { get; } = new("--passphrase-file")
    {
        Description = $"File with the key file's passphrase; or {PassphraseVariable}, or it is asked for.",
        HelpName = "FILE",
        Recursive = true,
    };

    public static UnitEnvironment Environment { get; } = new(TimeProvider.System, Ids.New, Cache: CacheFolder());

    public static Argument<string> NewDirectory() => new("UNIT")
    {
        Description = "The storage unit: a directory, or a bucket: s3://BUCKET/PREFIX, s3+https://HOST:PORT/BUCKET/PREFIX.",
    };

    public static Option<string?> NewKeyFile() => new("--key-file") { Description = $"File of the key domain's key; or {KeyVariable}.", HelpName = "FILE" };

    /// <summary>The key file that was named, by option or by environment; null when none was.</summary>
    public static string? KeyFileOf(string? option) =>
        option ?? (System.Environment.GetEnvironmentVariable(KeyVariable) is { Length: > 0 } named ? named : null);

    public static Task<StorageUnit> OpenAsync(string directory, CancellationToken cancel, UnitEnvironment? environment = null) =>
        VolumeAddress.MayHoldUnit(directory)
            ? StorageUnit.OpenInAsync(directory, environment ?? Environment, cancel)
            : throw new CommandFailedException(ExitCodes.NotFound, $"{directory} holds no storage unit.", "make one with: stillpoint store init " + directory);

    /// <param name="option">The key file that was named on the command line.</param>
    /// <param name="passphraseFile">The value of <see cref="PassphraseFile"/>.</param>
    public static DomainKeys Keys(string? option, string? passphraseFile = null) => TryKeys(option, passphraseFile) ?? throw NoKeyFile();

    /// <summary>The keys; null when no key file was named.</summary>
    public static DomainKeys? TryKeys(string? option, string? passphraseFile = null) =>
        KeyFileOf(option) is { } path ? Master(ReadKeyFile(path), passphraseFile).Keys() : null;

    /// <summary>The key file that was named.</summary>
    public static string RequiredKeyFile(string? option) => KeyFileOf(option) ?? throw NoKeyFile();

    public static KeyFile ReadKeyFile(string path)
    {
        if (!File.Exists(path)) throw new CommandFailedException(ExitCodes.NotFound, $"there is no key file {path}.", "give the one that store init made");
        if (new FileInfo(path).Length > KeyFile.MaxBytes) throw new TroubleException($"key file {path}", "it is no key file.", "give the one that store init made");
        return KeyFile.Read(File.ReadAllBytes(path), path);
    }

    /// <summary>The secret; asks for the passphrase where the file has one.</summary>
    public static DomainMaster Master(KeyFile file, string? passphraseFile)
    {
        if (file.Wrap is null) return file.Open([]);
        var passphrase = Passphrase.Ask(passphraseFile, PassphraseVariable, "passphrase of the key file") ?? [];
        try
        {
            return file.Open(passphrase);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(passphrase);
        }
    }

    /// <summary>A new file that only its owner may read.</summary>
    public static void CreateSecret(string path, ReadOnlySpan<byte> bytes)
    {
        if (!DurableFile.TryCreate(path, bytes, Ids.New().ToString("N")))
            throw new CommandFailedException(ExitCodes.Failed, $"{path} exists already.", "choose another name; nothing is overwritten");
    }

    /// <summary>Where copies lie that can be fetched again: the user's cache folder; null where there is none.</summary>
    private static string? CacheFolder()
    {
        if (System.Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } named) return Path.Combine(named, "stillpoint");
        var home = System.Environment.GetFolderPath(OperatingSystem.IsWindows() ? System.Environment.SpecialFolder.LocalApplicationData : System.Environment.SpecialFolder.UserProfile);
        if (home.Length == 0) return null;
        return OperatingSystem.IsWindows() ? Path.Combine(home, "stillpoint", "cache") : Path.Combine(home, ".cache", "stillpoint");
    }

    private static CommandFailedException NoKeyFile() =>
        new(ExitCodes.Failed, "no key file was given.", $"give --key-file FILE or set {KeyVariable}; store init makes one");
}
