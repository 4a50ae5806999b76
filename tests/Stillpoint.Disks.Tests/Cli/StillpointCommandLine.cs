using System.Text.Json;

namespace Stillpoint.Disks.Tests;

/// <summary>The stillpoint command as a process of its own.</summary>
internal static class StillpointCommandLine
{
    /// <summary>Skips the test where it is not built.</summary>
    internal static string Find()
    {
        var found = Checkout.Command();
        Assert.SkipUnless(found is not null, "the stillpoint command is not built");
        return found;
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
