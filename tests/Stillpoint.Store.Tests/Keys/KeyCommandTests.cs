using System.Text.Json;

namespace Stillpoint.Store.Tests;

/// <summary>Keys, epochs and the recovery kit as a person meets them: through the command.</summary>
[Trait("Kind", "Slow")]
public sealed class KeyCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("stillpoint-keys-").FullName;
    private readonly string? _command = Checkout.Command();

    [Fact]
    public async Task Kit_and_unit_alone_restore_on_an_empty_machine()
    {
        Assert.SkipUnless(_command is not null, "the stillpoint command is not built");
        var disk = await DiskAsync();
        var made = await JsonAsync("store", "init", In("u"), "--output", "json");
        var kit = made.GetProperty("kit").GetString()!;
        await File.WriteAllTextAsync(In("words"), made.GetProperty("recoveryPassphrase").GetString() + "\n");
        var backup = await RunAsync("store", "backup", In("u"), In("a.raw"), "--vm", "web");
        Assert.Equal(0, backup.Code);
        Assert.Contains("was never opened", backup.Error, StringComparison.Ordinal);

        // The empty machine: the kit, the unit, the passphrase, and nothing else.
        Directory.CreateDirectory(In("elsewhere"));
        File.Move(kit, In("elsewhere/kit.txt"));
        Directory.Move(In("u"), In("elsewhere/u"));
        foreach (var file in Directory.EnumerateFiles(_folder, "key*")) File.Delete(file);
        Assert.Equal(1, (await RunAsync("store", "kit", "open", In("elsewhere/kit.txt"), "--to", In("new.key"))).Code);
        await File.WriteAllTextAsync(In("wrong"), "not the passphrase\n");
        Assert.Equal(1, (await RunAsync("store", "kit", "open", In("elsewhere/kit.txt"), "--to", In("new.key"), "--kit-passphrase-file", In("wrong"))).Code);
        Assert.False(File.Exists(In("new.key")));
        var opened = await JsonAsync(
            "store", "kit", "open", In("elsewhere/kit.txt"), "--to", In("new.key"), "--kit-passphrase-file", In("words"), "--output", "json");
        Assert.Contains("/u", opened.GetProperty("units")[0].GetProperty("address").GetString()!, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync("store", "restore", In("elsewhere/u"), "latest", In("r.raw"), "--key-file", In("new.key"))).Code);
        Assert.Equal(disk, await File.ReadAllBytesAsync(In("r.raw")));
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(In("new.key")));
    }

    [Fact]
    public async Task A_backup_warns_until_the_kit_was_opened_once()
    {
        Assert.SkipUnless(_command is not null, "the stillpoint command is not built");
        await DiskAsync();
        await File.WriteAllTextAsync(In("words"), "a recovery passphrase\n");
        var init = await JsonAsync("store", "init", In("u"), "--kit-passphrase-file", In("words"), "--output", "json");
        Assert.False(init.TryGetProperty("recoveryPassphrase", out _));
        string[] backup = ["store", "backup", In("u"), In("a.raw"), "--vm", "web"];
        Assert.Contains("was never opened", (await RunAsync(backup)).Error, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync("store", "kit", "open", In("key.kit.txt"), "--kit-passphrase-file", In("words"))).Code);
        Assert.DoesNotContain("never opened", (await RunAsync(backup)).Error, StringComparison.Ordinal);

        // A newer one takes its place without a warning, and an unwanted one never was.
        Assert.Equal(0, (await RunAsync("store", "kit", "create", In("u"), "--to", In("kit2"), "--kit-passphrase-file", In("words"))).Code);
        Assert.DoesNotContain("never opened", (await RunAsync(backup)).Error, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync("store", "init", In("u2"), "--no-kit", "--key-file", In("k2"))).Code);
        Assert.False(File.Exists(In("k2.kit.txt")));
    }

    [Fact]
    public async Task A_kit_of_another_key_file_than_the_one_named_is_refused()
    {
        Assert.SkipUnless(_command is not null, "the stillpoint command is not built");
        await File.WriteAllTextAsync(In("words"), "a recovery passphrase\n");
        var mine = await JsonAsync("store", "init", In("u"), "--kit-passphrase-file", In("words"), "--output", "json");
        var other = await JsonAsync("store", "init", In("u2"), "--no-kit", "--key-file", In("k2"), "--output", "json");
        string[] open = ["store", "kit", "open", In("key.kit.txt"), "--kit-passphrase-file", In("words")];
        var refused = await RunAsync([.. open, "--key-file", In("k2"), "--to", In("new.key")]);
        Assert.Equal(4, refused.Code);
        foreach (var words in new[] { "not of the key file", mine.GetProperty("domain").GetString()!, other.GetProperty("domain").GetString()! })
            Assert.Contains(words, refused.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("the kit of", refused.Output, StringComparison.Ordinal);
        Assert.False(File.Exists(In("new.key")));
        Assert.Equal(10, (await RunAsync([.. open, "--key-file", In("none")])).Code);

        // An empty unit knows for which key file it was made.
        await DiskAsync();
        var backup = await RunAsync("store", "backup", In("u"), In("a.raw"), "--vm", "web", "--key-file", In("k2"));
        Assert.Equal(0, backup.Code);
        Assert.Contains($"made with a key file of key domain {mine.GetProperty("domain").GetString()}", backup.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("made with", (await RunAsync("store", "backup", In("u2"), In("a.raw"), "--vm", "web", "--key-file", In("k2"))).Error, StringComparison.Ordinal);

        // What the environment names need not be meant.
        File.Move(In("k2"), In("key"), overwrite: true);
        var warned = await RunAsync(open);
        Assert.Equal(0, warned.Code);
        Assert.Contains("not of the key file", warned.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_passphrase_locks_the_key_file_and_comes_off_again()
    {
        Assert.SkipUnless(_command is not null, "the stillpoint command is not built");
        await DiskAsync();
        await File.WriteAllTextAsync(In("pass"), "correct horse\n");
        await File.WriteAllTextAsync(In("other"), "battery staple\n");
        Assert.Equal(0, (await RunAsync("store", "init", In("u"), "--no-kit", "--passphrase-file", In("pass"))).Code);
        string[] backup = ["store", "backup", In("u"), In("a.raw"), "--vm", "web"];
        var without = await RunAsync(backup);
        Assert.Equal(1, without.Code);
        Assert.Contains("a passphrase locks it", without.Error, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync([.. backup, "--passphrase-file", In("pass")])).Code);
        Assert.Equal(1, (await RunAsync([.. backup, "--passphrase-file", In("other")])).Code);

        Assert.Equal(1, (await RunAsync("store", "keys", "wrap", "--passphrase-file", In("other"), "--new-passphrase-file", In("other"))).Code);
        Assert.Equal(0, (await RunAsync("store", "keys", "wrap", "--passphrase-file", In("pass"), "--new-passphrase-file", In("other"))).Code);
        Assert.Equal(0, (await RunAsync([.. backup, "--passphrase-file", In("other")])).Code);
        Assert.Equal(0, (await RunAsync("store", "keys", "export", In("copy"), "--plain", "--passphrase-file", In("other"))).Code);
        Assert.Equal(1, (await RunAsync("store", "keys", "export", In("copy"), "--plain", "--passphrase-file", In("other"))).Code);
        Assert.Equal(0, (await RunAsync([.. backup, "--key-file", In("copy")])).Code);
        Assert.Equal(0, (await RunAsync("store", "keys", "unwrap", "--passphrase-file", In("other"))).Code);
        Assert.Equal(0, (await RunAsync(backup)).Code);
        Assert.Equal("sound", (await JsonAsync("store", "verify", In("u"), "--output", "json")).GetProperty("verdict").GetString());
    }

    [Fact]
    public async Task A_rotation_shows_what_lies_under_which_epoch()
    {
        Assert.SkipUnless(_command is not null, "the stillpoint command is not built");
        var disk = await DiskAsync();
        Assert.Equal(0, (await RunAsync("store", "init", In("u"), "--no-kit")).Code);
        Assert.Equal(0, (await RunAsync("store", "backup", In("u"), In("a.raw"), "--vm", "web")).Code);
        File.Copy(In("key"), In("stolen"));
        Assert.Equal(0, (await RunAsync("store", "keys", "rotate")).Code);
        Disks.Fill(disk.AsSpan(0, 1 << 20), new Random(9));
        await File.WriteAllBytesAsync(In("a.raw"), disk);
        var second = await JsonAsync("store", "backup", In("u"), In("a.raw"), "--vm", "web", "--output", "json");
        Assert.Equal(1 << 20, second.GetProperty("disks")[0].GetProperty("bytesSent").GetInt64());
        var shown = await JsonAsync("store", "keys", "show", In("u"), "--output", "json");
        Assert.Equal(1, shown.GetProperty("epoch").GetInt32());
        Assert.Equal([(0, 1), (1, 1)], shown.GetProperty("epochs").EnumerateArray().Select(e => (e.GetProperty("epoch").GetInt32(), e.GetProperty("packs").GetInt32())));
        Assert.Equal(0, (await RunAsync("store", "restore", In("u"), "latest", In("r.raw"))).Code);
        Assert.Equal(disk, await File.ReadAllBytesAsync(In("r.raw")));

        // As the help says, a rotation shuts nobody out.
        Assert.Contains("shuts nobody out", string.Join(' ', (await RunAsync("store", "keys", "rotate", "--help")).Output.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync("store", "restore", In("u"), "latest", In("r1.raw"), "--key-file", In("stolen"))).Code);
        Assert.Equal(disk, await File.ReadAllBytesAsync(In("r1.raw")));

        // Named by the environment alone the key is not used; named here it is.
        Assert.Equal(0, (await JsonAsync("store", "collect", In("u"), "--output", "json")).GetProperty("packsResealed").GetInt32());
        Assert.Contains("1 pack lies under older epochs: store collect UNIT --key-file", (await RunAsync("store", "keys", "show", In("u"))).Output, StringComparison.Ordinal);
        var collect = await JsonAsync("store", "collect", In("u"), "--key-file", In("key"), "--output", "json");
        Assert.Equal(1, collect.GetProperty("packsResealed").GetInt32());
        shown = await JsonAsync("store", "keys", "show", In("u"), "--output", "json");
        Assert.Equal(
            [(0, 0, 1), (1, 2, 1)],
            shown.GetProperty("epochs").EnumerateArray()
                .Select(e => (e.GetProperty("epoch").GetInt32(), e.GetProperty("packs").GetInt32(), e.GetProperty("images").GetInt32())));
        Assert.Contains("no disk data lies under an epoch before 1", (await RunAsync("store", "keys", "show", In("u"))).Output, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync("store", "restore", In("u"), "latest", In("r2.raw"))).Code);
        Assert.Equal(disk, await File.ReadAllBytesAsync(In("r2.raw")));
        Assert.Equal(0, (await RunAsync("store", "prune", In("u"), "--keep-last", "1")).Code);
        Assert.Equal(0, (await RunAsync("store", "collect", In("u"))).Code);
        Assert.Contains("nothing lies under an epoch before 1", (await RunAsync("store", "keys", "show", In("u"))).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_collect_that_cannot_encrypt_all_anew_says_what_it_left_and_why()
    {
        Assert.SkipUnless(_command is not null, "the stillpoint command is not built");
        await DiskAsync();
        Assert.Equal(0, (await RunAsync("store", "init", In("u"), "--no-kit")).Code);
        Assert.Equal(0, (await RunAsync("store", "init", In("u2"), "--no-kit", "--key-file", In("k2"))).Code);
        Assert.Equal(0, (await RunAsync("store", "backup", In("u"), In("a.raw"), "--vm", "web")).Code);
        var others = await RunAsync("store", "collect", In("u"), "--key-file", In("k2"));
        Assert.Equal(1, others.Code);
        Assert.Contains("it has no pack of the key domain", others.Error, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync("store", "keys", "rotate")).Code);
        var pack = Directory.EnumerateFiles(In("u"), "*.data", SearchOption.AllDirectories).Single();
        var bytes = await File.ReadAllBytesAsync(pack);
        bytes[bytes.Length / 2] ^= 1;
        await File.WriteAllBytesAsync(pack, bytes);
        var told = await RunAsync("store", "collect", In("u"), "--key-file", In("key"));
        Assert.Equal(3, told.Code);
        Assert.Contains("damaged, left as it is: packs/", told.Output, StringComparison.Ordinal);
        Assert.Contains(Path.GetFileName(pack), told.Output, StringComparison.Ordinal);
        Assert.Contains($"store verify {In("u")}", told.Error, StringComparison.Ordinal);
        Assert.Contains("store repair", told.Error, StringComparison.Ordinal);
        var json = await RunAsync("store", "collect", In("u"), "--key-file", In("key"), "--output", "json");
        Assert.Equal(3, json.Code);
        var named = Assert.Single(JsonDocument.Parse(json.Output).RootElement.GetProperty("unreadable").EnumerateArray());
        Assert.EndsWith(Path.GetFileName(pack), named.GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_unit_that_was_found_says_what_it_holds_and_which_keys_open_it()
    {
        Assert.SkipUnless(_command is not null, "the stillpoint command is not built");
        await DiskAsync();
        Assert.Equal(0, (await RunAsync("store", "init", In("u"), "--no-kit")).Code);
        Assert.Equal(0, (await RunAsync("store", "init", In("u2"), "--no-kit", "--key-file", In("k2"))).Code);
        Assert.Equal(0, (await RunAsync("store", "init", In("u3"), "--no-kit", "--key-file", In("k3"))).Code);
        foreach (var vm in new[] { "web", "web", "mail" }) Assert.Equal(0, (await RunAsync("store", "backup", In("u"), In("a.raw"), "--vm", vm)).Code);
        Assert.Equal(0, (await RunAsync("store", "backup", In("u"), In("a.raw"), "--vm", "hidden", "--key-file", In("k2"))).Code);

        var found = await JsonAsync("store", "import", In("u"), "--key-file", In("key"), "--key-file", In("k3"), "--output", "json");
        var domains = found.GetProperty("domains").EnumerateArray().OrderByDescending(d => d.GetProperty("images").GetInt32()).ToList();
        Assert.Equal((3, In("key")), (domains[0].GetProperty("images").GetInt32(), domains[0].GetProperty("keyFile").GetString()));
        Assert.Equal([("mail", 1), ("web", 2)], domains[0].GetProperty("vms").EnumerateArray().Select(v => (v.GetProperty("name").GetString(), v.GetProperty("images").GetInt32())));
        Assert.False(domains[1].TryGetProperty("keyFile", out _));
        Assert.False(domains[1].GetProperty("vms")[0].TryGetProperty("name", out _));
        Assert.Equal([In("k3")], found.GetProperty("unusedKeyFiles").EnumerateArray().Select(f => f.GetString()));
        Assert.Contains("storage-unit create", (await RunAsync("store", "import", In("u"))).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Duplicate_repair_and_a_stopped_verify_by_the_command()
    {
        Assert.SkipUnless(_command is not null, "the stillpoint command is not built");
        var disk = await DiskAsync();
        Assert.Equal(0, (await RunAsync("store", "init", In("u"), "--no-kit")).Code);
        Assert.Equal(0, (await RunAsync("store", "init", In("copy"))).Code);
        Assert.Equal(0, (await RunAsync("store", "backup", In("u"), In("a.raw"), "--vm", "web")).Code);
        Assert.Equal(1, (await RunAsync("store", "duplicate", In("u"), In("copy"))).Code);
        Assert.Equal(10, (await RunAsync("store", "duplicate", In("u"), In("copy"), "--vm", "none")).Code);
        var copied = await JsonAsync("store", "duplicate", In("u"), In("copy"), "--vm", "web", "--output", "json");
        Assert.Equal(64, copied.GetProperty("chunks").GetInt32());
        var head = (await RunAsync("store", "head", In("copy"))).Output.Trim();
        Assert.Equal(0, (await RunAsync("store", "verify", In("copy"), "--expect", head, "--limit", "1G", "--older-than", "30d")).Code);
        var since = await RunAsync("store", "verify", In("copy"), "--expect", head);
        Assert.Equal(4, since.Code);
        Assert.Contains("OTHER HEAD", since.Output, StringComparison.Ordinal);
        Assert.Contains("  new: 1 note: notes/", since.Output, StringComparison.Ordinal);
        Assert.Contains("sound: 1 image", since.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("DAMAGED", since.Output, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("is no head", (await RunAsync("store", "verify", In("nowhere"), "--expect", head[1..])).Error, StringComparison.Ordinal);
        var unknown = await RunAsync("store", "verify", In("copy"), "--expect", new string('0', 64), "--output", "json");
        Assert.Equal((4, "other-head"), (unknown.Code, JsonDocument.Parse(unknown.Output).RootElement.GetProperty("verdict").GetString()));

        foreach (var pack in Directory.EnumerateFiles(In("u"), "*.data", SearchOption.AllDirectories).ToList()) File.Delete(pack);
        var damaged = await RunAsync("store", "verify", In("u"));
        Assert.Equal(4, damaged.Code);
        Assert.Contains("next: Bring what is damaged", damaged.Error, StringComparison.Ordinal);
        Assert.Contains($"store repair {In("u")} --from OTHER --key-file {In("key")}", damaged.Error, StringComparison.Ordinal);
        Assert.Contains("run a full backup", damaged.Error, StringComparison.Ordinal);
        var repaired = await RunAsync("store", "repair", In("u"), "--from", In("copy"));
        Assert.Equal(0, repaired.Code);
        Assert.Contains($"store verify {In("u")} --key-file {In("key")}", repaired.Output, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync("store", "verify", In("u"), "--image", "latest")).Code);
        Assert.Equal(0, (await RunAsync("store", "restore", In("u"), "latest", In("r.raw"))).Code);
        Assert.Equal(disk, await File.ReadAllBytesAsync(In("r.raw")));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string In(string name) => Path.Combine(_folder, name);

    private async Task<byte[]> DiskAsync()
    {
        var disk = Disks.Make(4 << 20, seed: 1, share: 1);
        await File.WriteAllBytesAsync(In("a.raw"), disk);
        return disk;
    }

    private async Task<JsonElement> JsonAsync(params string[] arguments)
    {
        var (code, output, error) = await RunAsync(arguments);
        Assert.True(code == 0, error);
        return JsonDocument.Parse(output).RootElement;
    }

    private Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments) => CommandLine.RunAsync(_command!, In("key"), arguments);
}
