namespace Stillpoint.EndToEnd.Tests;

/// <summary>
/// A program with a bug planted on purpose: the library for virtual disks is built with <c>-p:PlantedBug=NAME</c>, intermediate files and all
/// in a folder of its own, and laid beside an untouched copy of everything else, which the bug does not change.
/// </summary>
internal static class PlantedBuild
{
    private const string Library = "Stillpoint.VirtualDisks";

    /// <summary>Copies a built program and plants the bug in the copy.</summary>
    /// <param name="bug">A name after <c>PLANTED_</c> in the source.</param>
    /// <param name="program">Folder of the built program.</param>
    /// <param name="folder">Where all of it goes.</param>
    /// <returns>The copy's folder.</returns>
    public static async Task<string> MakeAsync(string bug, string program, string folder)
    {
        var artifacts = Path.Combine(folder, "artifacts");
        // The analyzers have passed these sources already, and take two thirds of the time.
        var build = await CommandLine.RunAsync(
            "dotnet", "build", Path.Combine(Checkout.Root, "src", Library), $"-p:PlantedBug={bug}", "--artifacts-path", artifacts,
            "-p:UseSharedCompilation=false", "-p:RunAnalyzers=false", "-nodeReuse:false", "--nologo", "-v", "quiet");
        Assert.True(build.ExitCode == 0, build.ToString());
        var copy = Path.Combine(folder, bug);
        foreach (var file in Directory.EnumerateFiles(program, "*", SearchOption.AllDirectories))
        {
            var place = Path.Combine(copy, Path.GetRelativePath(program, file));
            Directory.CreateDirectory(Path.GetDirectoryName(place)!);
            File.Copy(file, place);
        }
        var library = Path.Combine(artifacts, "bin", Library, "debug", Library + ".dll");
        // A name that no source knows would plant nothing, and the tests below would accuse the demo.
        Assert.False(File.ReadAllBytes(library).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(program, Library + ".dll"))));
        File.Copy(library, Path.Combine(copy, Library + ".dll"), overwrite: true);
        return copy;
    }
}
