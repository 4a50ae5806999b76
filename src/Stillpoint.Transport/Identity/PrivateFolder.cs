namespace Stillpoint.Transport;

/// <summary>A folder that only its owner may enter.</summary>
internal static class PrivateFolder
{
    internal static void Ensure(string folder)
    {
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(folder);
        else Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}
