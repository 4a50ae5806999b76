using Stillpoint.Demo;
using System.Text.RegularExpressions;

namespace Stillpoint.EndToEnd.Tests;

/// <summary>First witness: a bug in the reader alone is seen by the demo's comparison with the lab's flat model.</summary>
[Trait("Kind", "Slow")]
public sealed class PlantedReaderBugTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("stillpoint-tests-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData("SectorBitmapReader")]
    [InlineData("BatReader")]
    public async Task The_demo_fails_and_says_which_disk_differs_from_which_byte(string bug)
    {
        var program = await PlantedBuild.MakeAsync(bug, AppContext.BaseDirectory, _root);
        var demo = await CommandLine.RunAsync(Path.Combine(program, Path.GetFileName(RoleProcess.Executable)), new Dictionary<string, string> { ["TMPDIR"] = _root }, "demo");
        Assert.True(demo.ExitCode == 1, demo.ToString());
        Assert.Contains("The demo failed.", demo.Out, StringComparison.Ordinal);
        var differing = Regex.Matches(demo.Out, @"^did not hold: restored .+, disk \d: DIFFERS from byte \d+$", RegexOptions.Multiline);
        Assert.True(differing.Count > 0, demo.ToString());
    }
}

/// <summary>Second witness: the same bug in reader and writer passes every comparison of ours, and is seen by libvhdi.</summary>
[Trait("Kind", "Slow")]
public sealed class PlantedFormatBugTests : IDisposable
{
    private const string Tests = "Stillpoint.Disks.Tests";
    private readonly string _root = Directory.CreateTempSubdirectory("stillpoint-tests-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData("SectorBitmapBoth")]
    [InlineData("BatBoth")]
    public async Task Libvhdi_does_not_read_what_we_read(string bug)
    {
        Assert.SkipUnless(Programs.Has("vhdimount") && Programs.Has("fusermount3"), "vhdimount or fusermount3 is not installed");
        var built = AppContext.BaseDirectory.Replace("Stillpoint.EndToEnd.Tests", Tests, StringComparison.Ordinal);
        var program = await PlantedBuild.MakeAsync(bug, built, _root);
        var run = await CommandLine.RunAsync(
            Path.Combine(program, Tests), "--progress", "off", "--no-ansi", "--filter-method", $"{Tests}.VhdxWitnessTests.Libvhdi_reads_every_level_of_our_chains");
        // 2: tests failed. The tests read back what they wrote through the same library: only libvhdi can have told.
        Assert.True(run.ExitCode == 2, run.ToString());
        Assert.Matches(@"level \d differs|vhdimount .* ended with", run.Out);
    }
}
