using System.CommandLine;
using System.Security.Cryptography;
using System.Text;
using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary><c>store kit create|open</c>: one printable file that, with a unit, restores on an empty machine.</summary>
internal static class StoreKit
{
    private const string KitVariable = "STILLPOINT_KIT_PASSPHRASE_FILE";

    public static Command Create() => new("kit", "The recovery kit: one printable file that, with a unit and a passphrase, restores on an empty machine.") { CreateKit(), OpenKit() };

    public static Option<string?> NewPassphraseFile() => new("--kit-passphrase-file")
    {
        Description = $"File with the recovery passphrase; or {KitVariable}.",
        HelpName = "FILE",
    };

    /// <summary>Writes a kit beside nothing that it is for, and says what to do with it.</summary>
    /// <param name="master">The domain.</param>
    /// <param name="units">The units that it names.</param>
    /// <param name="keyFile">The key file whose state remembers the kit.</param>
    /// <param name="kit">The file; it must not exist.</param>
    /// <param name="passphraseFile">Value of the option.</param>
    public static Made Write(DomainMaster master, IReadOnlyList<KitUnit> units, string keyFile, string kit, string? passphraseFile)
    {
        using var random = RandomNumberGenerator.Create();
        var given = Passphrase.AskNew(passphraseFile, KitVariable, "recovery passphrase (empty: one is made)");
        var made = given is null or { Length: 0 } ? RecoveryPassphrase.Create(random) : null;
        var now = StoreAccess.Environment.Time.GetUtcNow();
        var text = new RecoveryKit(now, [master], units).Write(made is null ? given! : Encoding.UTF8.GetBytes(made), new PassphraseWrap(), random);
        StoreAccess.CreateSecret(kit, Encoding.UTF8.GetBytes(text));
        new KitState(now, Path.GetFullPath(kit), KitState.Read(keyFile)?.Opened).Write(keyFile);
        return new Made(Path.GetFullPath(kit), made);
    }

    public static void Print(Made made, string keyFile)
    {
        Console.Out.WriteLine($"recovery kit {made.Kit}: print it, keep it away from this machine, then try it: {KitState.TryIt(made.Kit, keyFile)}");
        if (made.RecoveryPassphrase is { } words)
            Console.Out.WriteLine($"recovery passphrase {words}: it is shown this once and opens the kit; note it on another paper");
    }

    private static Command CreateKit()
    {
        var directories = new Argument<string[]>("UNIT") { Description = "The storage units that the kit names.", Arity = ArgumentArity.OneOrMore };
        var keyFile = StoreAccess.NewKeyFile();
        var target = new Option<string>("--to") { Description = "The kit's file; it must not exist.", HelpName = "FILE", Required = true };
        var kitPassphrase = NewPassphraseFile();
        var command = new Command("create", "Make a recovery kit.") { directories, keyFile, target, kitPassphrase };
        command.SetAction(async (parsed, cancel) =>
        {
            var path = StoreAccess.RequiredKeyFile(parsed.GetValue(keyFile));
            var master = StoreAccess.Master(StoreAccess.ReadKeyFile(path), parsed.GetValue(StoreAccess.PassphraseFile));
            var units = new List<KitUnit>();
            foreach (var directory in parsed.GetRequiredValue(directories))
            {
                await using var unit = await StoreAccess.OpenAsync(directory, cancel);
                units.Add(new KitUnit(unit.Parameters.UnitId, unit.Name, await unit.HeadAsync(cancel)));
            }
            var made = Write(master, units, path, parsed.GetRequiredValue(target), parsed.GetValue(kitPassphrase));
            if (parsed.GetValue(StillpointCommand.Output) == OutputFormat.Json) Terminal.Json(made);
            else Print(made, path);
            return ExitCodes.Ok;
        });
        return command;
    }

    private static Command OpenKit()
    {
        var kit = new Argument<string>("KIT") { Description = "The kit's file." };
        var keyFile = StoreAccess.NewKeyFile();
        var target = new Option<string?>("--to") { Description = "Write the key file here; it must not exist. Without it the kit is only tried.", HelpName = "FILE" };
        var kitPassphrase = NewPassphraseFile();
        var command = new Command("open", "Open a recovery kit: try it, or make the key file anew.") { kit, keyFile, target, kitPassphrase };
        command.SetAction(parsed =>
        {
            var path = parsed.GetRequiredValue(kit);
            if (!File.Exists(path)) throw new CommandFailedException(ExitCodes.NotFound, $"there is no kit {path}.");
            if (new FileInfo(path).Length > RecoveryKit.MaxText) throw new TroubleException($"recovery kit {path}", "it is far too long.", "give the file that store kit create wrote");
            var passphrase = Passphrase.Ask(parsed.GetValue(kitPassphrase), KitVariable, "recovery passphrase")
                ?? throw new CommandFailedException(ExitCodes.Failed, "no recovery passphrase was given.", $"give --kit-passphrase-file FILE or set {KitVariable}");
            var opened = RecoveryKit.Read(File.ReadAllText(path), passphrase, path);
            var domains = Domains(opened);
            Compare(path, domains, parsed.GetValue(keyFile));
            var written = parsed.GetValue(target) is { } to ? WriteKeys(opened, to) : [];
            MarkOpened(StoreAccess.KeyFileOf(parsed.GetValue(keyFile)), domains);
            Print(parsed, new Result(opened.Made, domains, opened.Units, written));
            return ExitCodes.Ok;
        });
        return command;
    }

    private static List<Guid> Domains(RecoveryKit kit) => [.. kit.Domains.Select(d =>
    {
        using var keys = d.Keys();
        return keys.Domain;
    })];

    private static List<string> WriteKeys(RecoveryKit kit, string to)
    {
        var written = new List<string>();
        foreach (var domain in kit.Domains)
        {
            var path = written.Count == 0 ? to : $"{to}.{written.Count + 1}";
            StoreAccess.CreateSecret(path, KeyFile.Format(domain));
            written.Add(path);
        }
        return written;
    }

    /// <summary>A kit is tried to see that it brings back this key file, so one that opens and holds another has failed.</summary>
    private static void Compare(string kit, List<Guid> domains, string? named)
    {
        var path = StoreAccess.KeyFileOf(named);
        if (path is null || (named is null && !File.Exists(path))) return;
        var key = StoreAccess.ReadKeyFile(path);
        if (domains.Contains(key.Domain)) return;
        var held = $"{(domains.Count == 1 ? "key domain" : "key domains")} {string.Join(", ", domains.Select(d => d.ToString("D")))}";
        var why = $"the kit {kit} opens, but it is not of the key file {path}: it holds {held}, the key file is of {key.Domain:D}.";
        // The environment names a key file for all commands, which need not mean this kit.
        if (named is null) Terminal.Note($"warning: {why}");
        else
            throw new CommandFailedException(
                ExitCodes.Damaged, why, $"try the kit that is of that key file, or make one: stillpoint store kit create UNIT --key-file {path} --to FILE");
    }

    private static void MarkOpened(string? keyFile, List<Guid> domains)
    {
        if (keyFile is null || !File.Exists(keyFile) || KitState.Read(keyFile) is not { Opened: null } state) return;
        if (domains.Contains(StoreAccess.ReadKeyFile(keyFile).Domain)) (state with { Opened = StoreAccess.Environment.Time.GetUtcNow() }).Write(keyFile);
    }

    private static void Print(ParseResult parsed, Result result)
    {
        if (parsed.GetValue(StillpointCommand.Output) == OutputFormat.Json)
        {
            Terminal.Json(result);
            return;
        }
        Console.Out.WriteLine($"the kit of {result.Made:u} opens");
        foreach (var domain in result.Domains) Console.Out.WriteLine($"key domain {domain:D}");
        foreach (var unit in result.Units) Console.Out.WriteLine($"storage unit {unit.Id:D} at {unit.Address}, head then {unit.Head}");
        foreach (var file in result.KeyFiles) Console.Out.WriteLine($"key file {file} written");
    }

    /// <param name="Kit">Its file.</param>
    /// <param name="RecoveryPassphrase">The passphrase where one was made; null where one was given.</param>
    internal sealed record Made(string Kit, string? RecoveryPassphrase);

    private sealed record Result(DateTimeOffset Made, IReadOnlyList<Guid> Domains, IReadOnlyList<KitUnit> Units, IReadOnlyList<string> KeyFiles);
}
