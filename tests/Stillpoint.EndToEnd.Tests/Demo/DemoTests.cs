using Stillpoint.Demo;
using System.Text.RegularExpressions;
using Stillpoint.Model;

namespace Stillpoint.EndToEnd.Tests;

/// <summary>The demo, run once as a stranger does, in a temp folder of its own.</summary>
public sealed class DemoOnce : IAsyncLifetime
{
    /// <summary>What TMPDIR named: whatever the demo and its roles put anywhere temporary lies here.</summary>
    internal string Temp { get; } = Directory.CreateTempSubdirectory("stillpoint-tests-").FullName;

    internal Said Result { get; private set; } = new(-1, "", "");

    public async ValueTask InitializeAsync() => Result = await CommandLine.RunAsync(RoleProcess.Executable, new Dictionary<string, string> { ["TMPDIR"] = Temp }, "demo");

    public ValueTask DisposeAsync()
    {
        Directory.Delete(Temp, recursive: true);
        return ValueTask.CompletedTask;
    }
}

[Trait("Kind", "Slow")]
public sealed partial class DemoTests(DemoOnce demo) : IClassFixture<DemoOnce>
{
    private const string AllOfIt = "the whole output was:\n";

    [Fact]
    public void It_ends_well() => Assert.True(demo.Result.ExitCode == 0, demo.Result.ToString());

    [Theory]
    [InlineData("start")]
    [InlineData("initiate")]
    [InlineData("checkpoint")]
    [InlineData("transfer")]
    [InlineData("release")]
    [InlineData("preflight")]
    [InlineData("define")]
    [InlineData("realize")]
    [InlineData("finish")]
    public void It_shows_each_phase_by_its_name(string phase) =>
        Assert.True(Regex.IsMatch(demo.Result.Out, $@"│ {phase} +│ +[0-9.]+ │ ok|[:,] {phase} [0-9.]+[ ,]"), AllOfIt + demo.Result.Out);

    [Fact]
    public void Each_restored_disk_is_identical()
    {
        var restored = RestoredLine().Matches(demo.Result.Out).Select(m => m.Value.Trim());
        Assert.Equal(
            [
                "restored VM web-first, disk 0: identical", "restored VM web-last, disk 0: identical",
                @"restored C:\Restored\first-db-1.vhdx, disk 1: identical", @"restored C:\Restored\last-db-1.vhdx, disk 1: identical",
            ],
            restored);
    }

    [Fact]
    public void The_incremental_moves_only_what_changed()
    {
        // VM | disk | size | the lab counted | the host told | read | sent | stored
        var rows = FigureRow().Matches(demo.Result.Out).Select(m => m.Groups).Where(g => g["lab"].Value is not "-" && !g["lab"].Value.StartsWith('≤')).ToList();
        Assert.Equal(3, rows.Count);
        foreach (var row in rows)
        {
            Assert.Equal(256L << 20, Size(row["size"].Value));
            Assert.InRange(Size(row["told"].Value), Size(row["lab"].Value), 2 * Size(row["lab"].Value));
            Assert.InRange(Size(row["sent"].Value), 1, 2 * Size(row["lab"].Value));
            Assert.InRange(Size(row["stored"].Value), 1, 2 * Size(row["lab"].Value));
        }
    }

    [Fact]
    public void The_guest_that_cannot_be_quiesced_fails_clearly_and_is_then_saved_as_crash()
    {
        Assert.Matches(@"failed, as it must: VM legacy: .*could not be quiesced", demo.Result.Out.ReplaceLineEndings(" "));
        Assert.Matches(@"next: .*application-then-crash", demo.Result.Out);
        Assert.Matches(@"│ legacy +│ full +│ crash ", demo.Result.Out);
    }

    [Fact]
    public void All_processes_together_take_at_most_1_GiB()
    {
        var match = Regex.Match(demo.Result.Out, @"memory, all processes +│ ([0-9.]+ [KMG]iB) at most");
        Assert.True(match.Success, AllOfIt + demo.Result.Out);
        var peak = Size(match.Groups[1].Value);
        TestContext.Current.TestOutputHelper?.WriteLine($"peak of all processes: {Bytes.Format(peak)}");
        // Five .NET processes cannot take less than this: a smaller sum means that nothing was measured.
        Assert.InRange(peak, 100L << 20, 1L << 30);
    }

    [Fact]
    public void Nothing_is_left_behind()
    {
        Assert.Empty(Directory.EnumerateFileSystemEntries(demo.Temp));
        Assert.SkipUnless(OperatingSystem.IsLinux(), "looks for processes in /proc");
        // Every process of the demo has our TMPDIR in its environment.
        Assert.DoesNotContain(Directory.EnumerateDirectories("/proc"), p => Path.GetFileName(p).All(char.IsAsciiDigit) && EnvironmentOf(p).Contains(demo.Temp, StringComparison.Ordinal));
    }

    [Fact]
    public void Its_lines_fit_a_terminal_of_100_columns() =>
        Assert.DoesNotContain(demo.Result.Out.Split('\n'), line => line.StartsWith('│') && line.Length > 100);

    private static string EnvironmentOf(string process)
    {
        try
        {
            return File.ReadAllText(Path.Combine(process, "environ"));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static long Size(string text)
    {
        Assert.True(Bytes.TryParse(text, out var bytes), $"'{text}' is no size");
        return bytes;
    }

    [GeneratedRegex(@"^  restored .*$", RegexOptions.Multiline)]
    private static partial Regex RestoredLine();

    [GeneratedRegex(
        @"^│ \w* +│ [\w.-]+\.a?vhdx +│ +(?<size>[\d.]+ \w+) │ +(?<lab>-|(≤ )?[\d.]+ \w+) │ +(?<told>[\d.]+ \w+) │ +(?<read>[\d.]+ \w+) │ +(?<sent>[\d.]+ \w+) │ +(?<stored>[\d.]+ \w+) │",
        RegexOptions.Multiline)]
    private static partial Regex FigureRow();
}
