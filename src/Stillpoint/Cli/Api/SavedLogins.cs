using System.Text.Json;
using Stillpoint.Durable;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary>A primary server that somebody signed in to from this account.</summary>
/// <param name="Url">Its address.</param>
/// <param name="Fingerprint">Of its authority, once accepted.</param>
/// <param name="User">Who signed in.</param>
/// <param name="Token">The session.</param>
internal sealed record SavedLogin(string Url, string Fingerprint, string? User, string? Token);

/// <summary>Sign-ins of this account: <c>logins.json</c> in <c>STILLPOINT_CONFIG</c>, or in the account's configuration folder; for its owner
/// only. The first one is the one that is used where nothing else is said.</summary>
internal static class SavedLogins
{
    private const int Most = 50;

    private static string Folder => Environment.GetEnvironmentVariable("STILLPOINT_CONFIG") is { Length: > 0 } given
        ? given
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ApplicationData, Environment.SpecialFolderOption.DoNotVerify), "stillpoint");

    private static string File => Path.Combine(Folder, "logins.json");

    public static IReadOnlyList<SavedLogin> Read()
    {
        try
        {
            return System.IO.File.Exists(File) ? JsonSerializer.Deserialize<List<SavedLogin>>(System.IO.File.ReadAllBytes(File), Words.Json) ?? [] : [];
        }
        catch (JsonException e)
        {
            throw new CommandFailedException(ExitCodes.Failed, $"{File} cannot be read: {e.Message}", "Delete it and sign in again.");
        }
    }

    public static SavedLogin? Find(string? url) => Read().FirstOrDefault(l => url is null || l.Url == url);

    /// <summary>Keeps a sign-in, in the place of an older one to the same server.</summary>
    public static void Keep(SavedLogin login)
    {
        Directory.CreateDirectory(Folder);
        IReadOnlyList<SavedLogin> all = [login, .. Read().Where(l => l.Url != login.Url).Take(Most - 1)];
        DurableFile.Replace(File, JsonSerializer.SerializeToUtf8Bytes(all, Words.ReadableJson));
    }
}
