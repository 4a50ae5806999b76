using System.CommandLine;
using Stillpoint.Transport;

namespace Stillpoint.Cli;

/// <summary>Which primary server a command asks, and as whom.</summary>
internal static class ServerOptions
{
    public const string UrlVariable = "STILLPOINT_URL";
    public const string TokenVariable = "STILLPOINT_TOKEN_FILE";
    public const string FingerprintVariable = "STILLPOINT_FINGERPRINT";

    public static Option<string?> Url { get; } = new("--url")
    {
        Description = $"Address of the primary server; otherwise {UrlVariable}, otherwise the last sign-in's.",
        HelpName = "https://HOST:PORT",
        Recursive = true,
    };

    public static Option<string?> Fingerprint { get; } = new("--fingerprint")
    {
        Description = $"SHA-256 of its authority; otherwise {FingerprintVariable}, otherwise what was accepted at the sign-in.",
        HelpName = "HEX",
        Recursive = true,
    };

    public static Option<FileInfo?> TokenFile { get; } = new("--token-file")
    {
        Description = $"File with an API key; otherwise {TokenVariable}, otherwise the sign-in's session.",
        HelpName = "FILE",
        Recursive = true,
    };

    /// <summary>A noun whose commands ask the primary server.</summary>
    public static Command Noun(string name, string description, params IEnumerable<Command> verbs)
    {
        var noun = new Command(name, description) { Url, Fingerprint, TokenFile };
        foreach (var verb in verbs) noun.Add(verb);
        return noun;
    }

    /// <summary>Lets a command outside of the nouns ask the primary server.</summary>
    public static void AddTo(Command command)
    {
        foreach (var option in (Option[])[Url, Fingerprint, TokenFile]) command.Add(option);
    }

    /// <summary>The server that the command means, signed in.</summary>
    public static ApiClient Connect(ParseResult parsed)
    {
        var url = UrlOf(parsed) ?? SavedLogins.Find(null)?.Url ?? throw new CommandFailedException(
            ExitCodes.NotAuthorized, "it is not said which primary server to ask.", $"Sign in with 'stillpoint user login', or set {UrlVariable}.");
        var saved = SavedLogins.Find(url);
        var token = TokenOf(parsed) ?? saved?.Token ?? throw new CommandFailedException(
            ExitCodes.NotAuthorized, $"there is no sign-in to {url}.", $"Sign in with 'stillpoint user login', or set {TokenVariable}.");
        var fingerprint = FingerprintOf(parsed) ?? saved?.Fingerprint ?? throw new CommandFailedException(
            ExitCodes.NotAuthorized, $"the fingerprint of {url} is not known.",
            $"Give --fingerprint or {FingerprintVariable}; the primary server prints it and keeps it in ca.sha256.");
        return new ApiClient(new Uri(url), new AuthorityPin(fingerprint, TimeProvider.System), token);
    }

    public static string? UrlOf(ParseResult parsed)
    {
        var text = parsed.GetValue(Url) ?? FromEnvironment(UrlVariable);
        if (text is null) return null;
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme != Uri.UriSchemeHttps)
            throw new CommandFailedException(ExitCodes.Failed, $"'{text}' is no address of a primary server.", "Give https://HOST:PORT.");
        return url.GetLeftPart(UriPartial.Authority);
    }

    public static string? FingerprintOf(ParseResult parsed) => parsed.GetValue(Fingerprint) ?? FromEnvironment(FingerprintVariable);

    /// <summary>The first line of a file that holds a secret.</summary>
    public static string Secret(string path)
    {
        var line = File.ReadLines(path).FirstOrDefault()?.Trim();
        return string.IsNullOrEmpty(line)
            ? throw new CommandFailedException(ExitCodes.Failed, $"{path} is empty.", "Give the file that holds it.") : line;
    }

    private static string? TokenOf(ParseResult parsed) =>
        (parsed.GetValue(TokenFile)?.FullName ?? FromEnvironment(TokenVariable)) is { } path ? Secret(path) : null;

    private static string? FromEnvironment(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
