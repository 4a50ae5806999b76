using System.Xml.Linq;

namespace Stillpoint.EndToEnd.Tests;

/// <summary>The dependency table bites: small projects outside the repository, built with the repository's own Directory.Build.targets.</summary>
[Trait("Kind", "Slow")]
public sealed class DependencyTableTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("stillpoint-tests-").FullName;

    public DependencyTableTests()
    {
        File.WriteAllText(Path.Combine(_root, "Directory.Build.props"), "<Project><PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup></Project>");
        File.WriteAllText(Path.Combine(_root, "Directory.Build.targets"), $"""<Project><Import Project="{Checkout.Root}/Directory.Build.targets" /></Project>""");
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task A_project_within_its_row_builds()
    {
        Project("Stillpoint.Extents");
        var run = await BuildAsync(Project("Stillpoint.Model", Reference("Stillpoint.Extents")));
        Assert.True(run.ExitCode == 0, run.ToString());
    }

    [Fact]
    public async Task A_project_that_references_past_its_row_does_not_build()
    {
        Project("Stillpoint.Storage");
        await RefusedAsync(Project("Stillpoint.Model", Reference("Stillpoint.Storage")), "SP0002", "Stillpoint.Model may not reference Stillpoint.Storage");
    }

    [Fact]
    public Task A_project_without_a_row_does_not_build() =>
        RefusedAsync(Project("Stillpoint.Stranger"), "SP0001", "Stillpoint.Stranger has no row");

    [Fact]
    public Task A_pure_project_with_a_package_does_not_build()
    {
        // A package that the tests themselves use is there already: nothing is fetched.
        var version = XDocument.Load(Path.Combine(Checkout.Root, "Directory.Packages.props")).Descendants("PackageVersion")
            .Single(p => (string?)p.Attribute("Include") == "CsCheck").Attribute("Version")!.Value.Trim('[', ']');
        return RefusedAsync(
            Project("Stillpoint.Extents", $"""<PackageReference Include="CsCheck" Version="{version}" />"""), "SP0003", "Stillpoint.Extents takes no packages, but names CsCheck");
    }

    private static async Task RefusedAsync(string project, string code, string sentence)
    {
        var run = await BuildAsync(project);
        Assert.True(run.ExitCode != 0, run.ToString());
        Assert.Contains($"error {code}: {sentence}", run.Out, StringComparison.Ordinal);
    }

    private static Task<Said> BuildAsync(string project) =>
        CommandLine.RunAsync("dotnet", "build", project, "-p:UseSharedCompilation=false", "-nodeReuse:false", "--nologo", "-v", "quiet");

    private static string Reference(string project) => $"""<ProjectReference Include="../{project}/{project}.csproj" />""";

    private string Project(string name, string items = "")
    {
        var folder = Directory.CreateDirectory(Path.Combine(_root, name)).FullName;
        var path = Path.Combine(folder, name + ".csproj");
        File.WriteAllText(path, $"""<Project Sdk="Microsoft.NET.Sdk"><ItemGroup>{items}</ItemGroup></Project>""");
        return path;
    }
}
