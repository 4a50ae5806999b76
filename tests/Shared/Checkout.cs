namespace Stillpoint.Tests;

/// <summary>The repository that the tests were built in.</summary>
internal static class Checkout
{
    /// <summary>Its folder.</summary>
    public static string Root { get; } = Find();

    /// <summary>The stillpoint command: as <c>./stillpoint</c> builds it or as a plain build leaves it, whichever is newer; null when there is none.</summary>
    public static string? Command() =>
        new[] { ".build/stillpoint/stillpoint", "src/Stillpoint/bin/Release/net10.0/stillpoint", "src/Stillpoint/bin/Debug/net10.0/stillpoint" }
            .Select(path => Path.Combine(Root, path)).Where(File.Exists).MaxBy(path => File.GetLastWriteTimeUtc(path + ".dll"));

    private static string Find()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
            if (File.Exists(Path.Combine(folder, "Stillpoint.slnx"))) return folder;
        throw new InvalidOperationException("the tests run outside the repository");
    }
}
