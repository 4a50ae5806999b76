namespace Stillpoint.Roles.Tests.Transport;

/// <summary>A folder that is gone after the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public TemporaryFolder() => Path = Directory.CreateTempSubdirectory("stillpoint-test-").FullName;

    public string Path { get; }

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public static bool IsOwnerOnly(string path) =>
        OperatingSystem.IsWindows() || System.IO.File.GetUnixFileMode(path) == (UnixFileMode.UserRead | UnixFileMode.UserWrite);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
