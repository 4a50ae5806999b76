using System.CommandLine;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary><c>stillpoint audit</c>.</summary>
internal static class AuditCommand
{
    public static Command Create()
    {
        var limit = new Option<int>("--limit") { Description = "At most so many, newest first.", HelpName = "NUMBER", DefaultValueFactory = _ => 100 };
        var list = new Command("list", "List who did what, newest first.") { limit };
        list.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            var entries = await api.List<AuditEntry>("audit", cancel, Math.Max(1, parsed.GetValue(limit)));
            return Results.List(parsed, entries, [">number", Column.Whole("at"), "who", "action", "subject", "refused", "detail"], e =>
                [e.Number.ToString(), Results.At(e.At), e.Who, e.Action, e.Subject, e.Refused ? "refused" : "", e.Detail ?? ""]);
        });
        return ServerOptions.Noun("audit", "Who did what.", list);
    }
}
