using System.CommandLine;
using System.Net.Http;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Cli;

/// <summary><c>stillpoint user</c>.</summary>
internal static class UserCommand
{
    public static Command Create() => ServerOptions.Noun("user", "People, and signing in.", Login(), List(), CreateUser(), Delete(), Token());

    private static Command Login()
    {
        var name = new Argument<string>("NAME") { Description = "User name.", DefaultValueFactory = _ => "admin" };
        var file = new Option<FileInfo?>("--password-file") { Description = "File with the password; otherwise it is asked for.", HelpName = "FILE" };
        var command = new Command("login", "Sign in; the session is kept for this account.") { name, file };
        command.SetAction(async (parsed, cancel) =>
        {
            var url = ServerOptions.UrlOf(parsed) ?? SavedLogins.Find(null)?.Url
                ?? throw new CommandFailedException(ExitCodes.Failed, "it is not said which primary server to sign in to.",
                    "Give --url https://HOST:PORT.");
            var fingerprint = ServerOptions.FingerprintOf(parsed) ?? SavedLogins.Find(url)?.Fingerprint ?? await Ask(url, cancel);
            var user = parsed.GetRequiredValue(name);
            var password = parsed.GetValue(file) is { } given ? ServerOptions.Secret(given.FullName) : Password(user);
            using var api = new ApiClient(new Uri(url), new AuthorityPin(fingerprint, TimeProvider.System), null);
            var session = await api.Post<IssuedToken>("sessions", new { user, password }, cancel);
            SavedLogins.Keep(new SavedLogin(url, fingerprint, session.User, session.Token));
            return Results.Show(parsed, new { url, session.User, session.Role, session.Expires },
                ("signed in to", url), ("user", session.User), ("role", Words.Of(session.Role)), ("until", Results.At(session.Expires)));
        });
        return command;
    }

    private static Command List()
    {
        var command = new Command("list", "List the users.");
        command.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            return Print(parsed, await api.List<Account>("users", cancel));
        });
        return command;
    }

    private static Command CreateUser()
    {
        var name = new Argument<string>("NAME") { Description = "User name." };
        var role = new Option<string>("--role") { Description = "What the user may do.", HelpName = "viewer|operator|admin", Required = true };
        var file = new Option<FileInfo?>("--password-file") { Description = "File with the password; otherwise it is asked for.", HelpName = "FILE" };
        var command = new Command("create", "Create a user.") { name, role, file };
        command.SetAction(async (parsed, cancel) =>
        {
            var user = parsed.GetRequiredValue(name);
            var password = parsed.GetValue(file) is { } given ? ServerOptions.Secret(given.FullName) : Password(user);
            using var api = ServerOptions.Connect(parsed);
            return Print(parsed, [await api.Post<Account>("users", new { name = user, role = parsed.GetRequiredValue(role), password }, cancel)]);
        });
        return command;
    }

    private static Command Delete()
    {
        var name = new Argument<string>("NAME") { Description = "User name." };
        var command = new Command("delete", "Delete a user with all sessions and API keys.") { name };
        command.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            await api.Delete($"users/{Uri.EscapeDataString(parsed.GetRequiredValue(name))}", cancel);
            return ExitCodes.Ok;
        });
        return command;
    }

    private static Command Token()
    {
        var name = new Argument<string>("NAME") { Description = "What the key is for." };
        var role = new Option<string?>("--role") { Description = "Its rights; otherwise all of yours.", HelpName = "viewer|operator|admin" };
        var days = new Option<int>("--days") { Description = "How long it is good.", HelpName = "NUMBER", DefaultValueFactory = _ => 90 };
        var command = new Command("token", "Make an API key of yours for a script; it is shown once.") { name, role, days };
        command.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            var body = new { name = parsed.GetRequiredValue(name), role = parsed.GetValue(role), days = parsed.GetValue(days) };
            var issued = await api.Post<IssuedToken>("tokens", body, cancel);
            return Results.Show(parsed, issued, ("key", issued.Token), ("role", Words.Of(issued.Role)), ("until", Results.At(issued.Expires)));
        });
        return command;
    }

    private static int Print(ParseResult parsed, IReadOnlyList<Account> accounts) => Results.List(
        parsed, accounts, ["user", "role", Column.Whole("created"), Column.Whole("last sign-in")],
            a => [a.Name, Words.Of(a.Role), Results.At(a.Created), Results.At(a.LastSignIn)]);

    /// <summary>Shows a person the fingerprint that the server has and asks whether it is the right one. Nothing secret was sent by then.</summary>
    private static async Task<string> Ask(string url, CancellationToken cancel)
    {
        var none = new AuthorityPin(new string('0', 64), TimeProvider.System);
        try
        {
            using var api = new ApiClient(new Uri(url), none, null);
            await api.Get<object>("health", cancel);
        }
        catch (CommandFailedException) when (none.Seen is not null)
        {
            // Refused for its fingerprint, as it must be: that is what is asked about.
        }
        var seen = none.Seen ?? throw new CommandFailedException(ExitCodes.NotAuthorized, $"{url} is no primary server of Stillpoint.",
            "Check the address.");
        if (Console.IsInputRedirected)
        {
            throw new CommandFailedException(ExitCodes.NotAuthorized, $"the fingerprint of {url} is not known.",
                "Give --fingerprint; the primary server prints it and keeps it in ca.sha256.");
        }
        Terminal.Note($"{url} has the fingerprint");
        Terminal.Note($"  {seen}");
        Terminal.Note("Is that what the primary server prints? Type yes to go on:");
        return Console.In.ReadLine()?.Trim() is "yes" or "y"
            ? seen
            : throw new CommandFailedException(ExitCodes.NotAuthorized, "the fingerprint was not accepted; nothing was sent.");
    }

    private static string Password(string user)
    {
        if (Console.IsInputRedirected) throw new CommandFailedException(ExitCodes.Failed, "there is no password.", "Give --password-file FILE.");
        Console.Error.Write($"password of {user}: ");
        var typed = new System.Text.StringBuilder();
        while (Console.ReadKey(intercept: true) is var key && key.Key != ConsoleKey.Enter)
        {
            if (key.Key == ConsoleKey.Backspace) typed.Length = Math.Max(0, typed.Length - 1);
            else if (!char.IsControl(key.KeyChar)) typed.Append(key.KeyChar);
        }
        Console.Error.WriteLine();
        return typed.ToString();
    }
}
