using System.Text.Json;

namespace Stillpoint.Disks.Tests;

/// <summary>The stillpoint command as a process of its own.</summary>
internal static class StillpointCommandLine
{
    /// <summary>The command as <c>./stillpoint</c> builds it, else as a plain build leaves it, whichever is newer.</summary>
    internal static string Find()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (!File.Exists(Path.Combine(folder, "Stillpoint.slnx"))) continue;
            var found = new[] { ".build/stillpoint/stillpoint", "src/Stillpoint/bin/Release/net10.0/stillpoint", "src/Stillpoint/bin/Debug/net10.0/stillpoint" }
                .Select(path => Path.Combine(folder, path)).Where(File.Exists).MaxBy(path => File.GetLastWriteTimeUtc(path + ".dll"));
            Assert.SkipUnless(found is not null, "the stillpoint command is not built");
            return found;
        }
        throw new InvalidOperationException("the tests run outside the repository");
    }

    /// <summary>Runs <c>stillpoint disk …</c> and expects an exit code.</summary>
    internal static (string Output, string Error) Disk(int expected, params string[] arguments)
    {
        var (code, output, error) = Witness.TryApart(Find(), ["disk", .. arguments]);
        Assert.True(code == expected, $"disk {string.Join(' ', arguments)} ended with {code}, not {expected}:\n{output}{error}");
        return (output, error);
    }

    internal static JsonElement Json(int expected, params string[] arguments)
    {
        using var document = JsonDocument.Parse(Disk(expected, [.. arguments, "--output", "json"]).Output);
        return document.RootElement.Clone();
    }
}
