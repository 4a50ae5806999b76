using System.CommandLine;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Stillpoint.Durable;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Cli;

/// <summary>What every role that joins a primary server shares: its options, its identity, the file that tells its addresses.</summary>
internal static class RoleJoin
{
    private static readonly Option<Uri> s_primary = UrlOption.Create("--primary", "Address of the primary server.");

    private static readonly Option<string?> s_fingerprint = new("--fingerprint")
    {
        Description = "SHA-256 fingerprint of the primary's certificate authority, as 'stillpoint token create' prints it; needed to join.",
        HelpName = "HEX",
    };

    private static readonly Option<FileInfo?> s_token = new("--join-token-file")
    {
        Description = "File that holds the one-time join token and nothing else; needed to join. A fresh token makes a role that joined before join anew.", HelpName = "FILE",
    };

    private static readonly Option<DirectoryInfo> s_data = new("--data") { Description = "Folder for identity and state.", HelpName = "DIR", Required = true };

    private static readonly Option<string> s_name = new("--name")
    {
        Description = "Name to join under.",
        HelpName = "NAME",
        DefaultValueFactory = _ => MachineName(),
    };

    /// <summary>The options.</summary>
    public static IReadOnlyList<Option> Options { get; } = [s_primary, s_fingerprint, s_token, s_data, s_name];

    public static Uri PrimaryOf(ParseResult parse) => parse.GetRequiredValue(s_primary);

    public static string DataOf(ParseResult parse) => parse.GetRequiredValue(s_data).FullName;

    /// <summary>The identity in the data folder, renewed when it nears its end, or a new one for the join token.</summary>
    public static Task<RoleIdentity> IdentityAsync(ParseResult parse, string role, ILogger log, CancellationToken cancel)
    {
        var enrolment = new Enrolment(
            PrimaryOf(parse), role, parse.GetRequiredValue(s_name), parse.GetValue(s_fingerprint), parse.GetValue(s_token)?.FullName,
            IsNamed: parse.GetResult(s_name) is { Implicit: false });
        return enrolment.IdentityAsync(DataOf(parse), TimeProvider.System, log, cancel);
    }

    /// <summary>Tells scripts that the role is up, and where.</summary>
    public static void WriteEndpoints<T>(string folder, T endpoints) =>
        DurableFile.Replace(Path.Combine(folder, "endpoints.json"), JsonSerializer.SerializeToUtf8Bytes(endpoints, Words.ReadableJson));

    /// <summary>The machine's name in the letters that a name may have.</summary>
    private static string MachineName() =>
        new([.. Environment.MachineName.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' ? c : '-').Take(64)]);
}
