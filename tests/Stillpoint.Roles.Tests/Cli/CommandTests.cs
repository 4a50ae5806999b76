using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Stillpoint.Model;
using Stillpoint.Roles.Tests.Primary;

namespace Stillpoint.Roles.Tests.Cli;

/// <summary>What a person meets at the command line.</summary>
[Trait("Kind", "Slow")]
public sealed class CommandTests : IAsyncLifetime
{
    private PrimaryRig _rig = null!;
    private CommandLine _cli = null!;

    public async ValueTask InitializeAsync()
    {
        var command = Checkout.Command();
        Assert.SkipUnless(command is not null, "the stillpoint command is not built");
        _rig = await PrimaryRig.StartNow();
        _cli = new CommandLine(command!, _rig);
    }

    public async ValueTask DisposeAsync()
    {
        if (_rig is not null) await _rig.DisposeAsync();
    }

    [Theory]
    [InlineData("lab --write-rate quick", "'quick' is no size", "See: stillpoint lab --help")]
    [InlineData("token create", "--for", "See: stillpoint token create --help")]
    [InlineData("job list --limit many", "many", "See: stillpoint job list --help")]
    [InlineData("jobs", "job", "See: stillpoint --help")]
    public async Task What_cannot_be_understood_is_named_and_the_help_is_pointed_at(string arguments, string named, string see)
    {
        var said = await _cli.Run(arguments.Split(' '));
        Assert.Equal((1, ""), (said.ExitCode, said.Out));
        Assert.Contains(named, said.Err);
        Assert.EndsWith(see, said.Err.TrimEnd());
        Assert.DoesNotContain("Usage", said.Err);
        if (arguments == "jobs") Assert.DoesNotContain("Required command", said.Err);
    }

    [Fact]
    public async Task Help_says_defaults_in_the_words_of_the_command_line()
    {
        var help = (await _cli.Run("policy", "create", "--help")).Out;
        Assert.Contains("[default: table]", help);
        Assert.Contains("--tracking-audit <true|false>", help);
        Assert.Contains("on unless turned off with false", help);
        Assert.DoesNotContain("Table", help);
    }

    [Fact]
    public async Task A_join_token_is_written_to_a_file_of_its_own_that_only_its_owner_reads()
    {
        var file = _rig.Data + ".join-token";
        var said = await _cli.Run("token", "create", "--for", "host", "--out", file, "--output", "json");
        Assert.True(said.ExitCode == 0, said.Err);
        using var json = JsonDocument.Parse(said.Out);
        Assert.Equal(("host", "client"), (json.RootElement.GetProperty("for").GetString(), json.RootElement.GetProperty("role").GetString()));
        // What is in the file is not shown as well.
        var secret = (await File.ReadAllTextAsync(file)).Trim();
        Assert.True(secret.Length >= 16);
        Assert.DoesNotContain(secret, said.Out + said.Err);
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));

        // A file that is there is never written over, and no second token is made for it.
        Assert.NotEqual(0, (await _cli.Run("token", "create", "--for", "media", "--out", file)).ExitCode);
        Assert.Equal("host", Assert.Single((await _rig.Get<Page<JoinToken>>("join-tokens")).Items).For);
    }

    [Fact]
    public async Task Lists_keep_ids_and_dates_whole_on_a_terminal_of_100_letters_and_everything_in_a_pipe()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/script"), "script(1) is not installed");
        var host = await _rig.Client("hv1");
        await _rig.Media("ms1");
        await _rig.Post<StorageUnitView>("storage-units", new StorageUnitRequest("main", null, "/srv/units/main"));
        await _rig.Eventually(() => _rig.Get<HostView>("hosts/hv1"), h => h.VmCount == 2);
        await _rig.Post<PolicyView>("policies", Policies.Sound("nightly-of-the-site", new VmSelection("hv1", null)));
        var jobs = await _rig.Post<Page<Job>>("policies/nightly-of-the-site/runs", new { schedule = "diff", vm = "web" });
        var order = await host.NextBackup();
        await host.Primary.ReportOutcome(ScriptedClient.Report(order, JobOutcome.Partial, _rig.Time.GetUtcNow()));

        var at = _rig.Time.GetUtcNow().ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        foreach (var (noun, id) in ((string, string)[])[("job", jobs.Items[0].Id.ToString()[..8]), ("image", order.ImageId.ToString()[..8]), ("vm", "web")])
        {
            var lines = (await _cli.OnTerminal(100, noun, "list")).Out.Split('\n').Select(Printed).ToList();
            Assert.All(lines, l => Assert.True(l.Length <= 100, l));
            Assert.Contains(lines, l => l.Contains(id, StringComparison.Ordinal) && l.Contains(at, StringComparison.Ordinal));
            var piped = (await _cli.Run(noun, "list")).Out;
            Assert.Contains(noun == "vm" ? order.VmId.ToString() : "differential-incremental", piped);
        }
        Assert.Contains("a merge did not finish", (await _cli.Run("job", "list")).Out);
        var log = await _cli.Run("job", "log", jobs.Items[0].Id.ToString());
        Assert.Equal((0, ""), (log.ExitCode, log.Out));
        Assert.Contains("log is empty", log.Err);
    }

    /// <summary>A line without what a terminal does not show.</summary>
    private static string Printed(string line) => Regex.Replace(line, @"\x1b(\[[0-9;?]*[a-zA-Z]|[=>])|\r", "");
}
