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
            return Results.List(parsed, tokens, ["token", "for", "name", "expires", "used"], t =>
                [ShortId.Of(t.Id), t.Role, t.Name ?? "any", Results.At(t.Expires), Results.At(t.Used)]);
        });
        return command;
    }

    private static Command CreateToken()
    {
        var kind = new Option<string>("--for") { Description = "What joins with it.", HelpName = "host|media", Required = true };
        var name = new Option<string?>("--name") { Description = "The only name that it is good for.", HelpName = "N" };
        var hours = new Option<double?>("--hours") { Description = "How long it is good, at most 24.", HelpName = "N" };
        var command = new Command("create", "Make a join token; it is shown once.") { kind, name, hours };
        command.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            var body = new { @for = parsed.GetRequiredValue(kind), name = parsed.GetValue(name), hours = parsed.GetValue(hours) };
            var token = await api.Post<JoinToken>("join-tokens", body, cancel);
            return Results.Show(parsed, token,
                ("token", token.Token), ("fingerprint", token.Fingerprint), ("for", token.Role), ("name", token.Name ?? "any"),
                    ("until", Results.At(token.Expires)));
        });
        return command;
    }
}
