using System.CommandLine;
using System.Text.Json;
using Stillpoint.Durable;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Cli;

/// <summary>What every role that joins a primary server shares: its options, its identity, the file that tells its addresses.</summary>
internal static class RoleJoin
{
    private static readonly Option<Uri> s_primary = new("--primary") { Description = "Address of the primary server.", HelpName = "URL", Required = true };

    private static readonly Option<string?> s_fingerprint = new("--fingerprint")
    {
        Description = "SHA-256 fingerprint of the primary's certificate authority, as 'stillpoint token create' prints it; needed to join.",
        HelpName = "HEX",
    };

    private static readonly Option<FileInfo?> s_token = new("--join-token-file") { Description = "File that holds the one-time join token; needed to join." };

    private static readonly Option<DirectoryInfo> s_data = new("--data") { Description = "Folder for identity and state.", HelpName = "DIR", Required = true };

    private static readonly Option<string> s_name = new("--name")
    {
        Description = "Name to join under.",
        DefaultValueFactory = _ => Environment.MachineName.ToLowerInvariant(),
    };

    /// <summary>The options.</summary>
    public static IReadOnlyList<Option> Options { get; } = [s_primary, s_fingerprint, s_token, s_data, s_name];

    public static Uri PrimaryOf(ParseResult parse) => parse.GetRequiredValue(s_primary);

    public static string DataOf(ParseResult parse) => parse.GetRequiredValue(s_data).FullName;

    /// <summary>The identity in the data folder, or a new one for the join token; renewed when it nears its end.</summary>
    public static async Task<RoleIdentity> IdentityAsync(ParseResult parse, string role, CancellationToken cancel)
    {
        var folder = DataOf(parse);
        Directory.CreateDirectory(folder);
        var joiner = new JoinClient(PrimaryOf(parse), TimeProvider.System);
        if (RoleIdentity.Exists(folder))
        {
            var identity = RoleIdentity.Load(folder, TimeProvider.System);
            return identity.NeedsRenewal(TimeProvider.System.GetUtcNow()) ? await joiner.RenewAsync(identity, folder, cancel) : identity;
        }
        if (parse.GetValue(s_token) is not { } token || parse.GetValue(s_fingerprint) is not { } fingerprint)
        {
            throw new CommandFailedException(
                ExitCodes.NotAuthorized,
                $"{folder} holds no identity yet, so this {role} must join first.",
                $"Run 'stillpoint token create --for {(role == PeerRoles.Client ? "host" : "media")}' on the primary and give --join-token-file and --fingerprint.");
        }
        var request = new JoinRequest((await File.ReadAllTextAsync(token.FullName, cancel)).Trim(), parse.GetRequiredValue(s_name), role, "");
        return await joiner.JoinAsync(request, fingerprint, folder, cancel: cancel);
    }

    /// <summary>Tells scripts that the role is up, and where.</summary>
    public static void WriteEndpoints<T>(string folder, T endpoints) =>
        DurableFile.Replace(Path.Combine(folder, "endpoints.json"), JsonSerializer.SerializeToUtf8Bytes(endpoints, Words.ReadableJson));
}
