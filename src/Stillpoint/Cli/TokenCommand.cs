using System.CommandLine;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary><c>stillpoint token</c>: one-time tokens with which hosts and media servers join.</summary>
internal static class TokenCommand
{
    public static Command Create() => ServerOptions.Noun("token", "One-time tokens with which hosts and media servers join.", List(), CreateToken());

    private static Command List()
    {
        var command = new Command("list", "List the join tokens.");
        command.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            var tokens = (await api.Get<Page<JoinToken>>("join-tokens", cancel)).Items;
            return Results.List(parsed, tokens, [Column.Whole("token"), "for", "name", Column.Whole("expires"), Column.Whole("used")], t =>
                [ShortId.Of(t.Id), t.For, t.Name ?? "any", Results.At(t.Expires), Results.At(t.Used)]);
        });
        return command;
    }

    private static Command CreateToken()
    {
        var kind = new Option<string>("--for") { Description = "What joins with it.", HelpName = "host|media", Required = true };
        var name = new Option<string?>("--name") { Description = "The only name that it is good for.", HelpName = "NAME" };
        var hours = new Option<double?>("--hours") { Description = "How long it is good, at most 24.", HelpName = "NUMBER" };
        var file = new Option<FileInfo?>("--out")
        {
            Description = "Write the token, and nothing else, to this new file instead of showing it, for --join-token-file. Only its owner may read it.", HelpName = "FILE",
        };
        var command = new Command("create", "Make a join token; it is shown, or written to a file, once.") { kind, name, hours, file };
        command.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            var body = new { @for = parsed.GetRequiredValue(kind), name = parsed.GetValue(name), hours = parsed.GetValue(hours) };
            // Before the token is made: a token that cannot be kept is not asked for.
            await using var target = parsed.GetValue(file) is { } path ? SecretFile.Create(path.FullName) : null;
            var token = await api.Post<JoinToken>("join-tokens", body, cancel);
            if (target is not null)
            {
                await target.Write(token.Token!, cancel);
                token = token with { Token = null };
            }
            return Results.Show(parsed, token,
                ("token", token.Token), ("file", target?.Path), ("fingerprint", token.Fingerprint), ("for", token.For), ("name", token.Name ?? "any"),
                    ("until", Results.At(token.Expires)));
        });
        return command;
    }
}
