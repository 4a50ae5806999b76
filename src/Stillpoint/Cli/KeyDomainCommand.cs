using System.CommandLine;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary><c>stillpoint key-domain</c>.</summary>
internal static class KeyDomainCommand
{
    public static Command Create() => ServerOptions.Noun("key-domain", "Hosts that share keys, and the epochs of these.", List(), Rotate());

    private static Command List()
    {
        var command = new Command("list", "List the key domains.");
        command.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            return Print(parsed, await api.List<KeyDomainView>("key-domains", cancel));
        });
        return command;
    }

    private static Command Rotate()
    {
        var name = new Argument<string>("NAME") { Description = "The key domain." };
        var command = new Command(
            "rotate", "Begin a new epoch: jobs that start from now on encrypt with a new key. What is stored stays readable; store collect --key-file encrypts it anew. "
            + "It shuts nobody out: a copy of the domain's key from before opens what is written after it too.") { name };
        command.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            return Print(parsed, [await api.Post<KeyDomainView>($"key-domains/{Uri.EscapeDataString(parsed.GetRequiredValue(name))}/rotate", null, cancel)]);
        });
        return command;
    }

    private static int Print(ParseResult parsed, IReadOnlyList<KeyDomainView> domains) => Results.List(
        parsed, domains, ["key domain", ">epoch", "locked", "hosts", Column.Whole("id")], d =>
        [
            d.Name, d.Epoch.ToString(), d.Locked ? "by a passphrase" : "no", string.Join(", ", d.Hosts), d.Id.ToString(),
        ]);
}
