namespace Stillpoint.Tests;

/// <summary>Programs of the system that tests use as witnesses.</summary>
internal static class Programs
{
    /// <summary>Where a program is: on the path, or where Debian keeps those of the administrator; null when it is not installed.</summary>
    public static string? Find(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Where(folder => folder.Length > 0).Append("/sbin").Append("/usr/sbin").Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    /// <summary>True when it is installed.</summary>
    public static bool Has(string program) => Find(program) is not null;
}
