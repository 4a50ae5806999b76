namespace Stillpoint.Client;

/// <summary>Host paths are Windows paths, also where this process runs on another system.</summary>
internal static class HostPaths
{
    /// <summary>The last component.</summary>
    public static string FileOf(string path) => path[(path.LastIndexOf('\\') + 1)..];

    /// <summary>All but the last component; empty when there is only one.</summary>
    public static string FolderOf(string path) => path.LastIndexOf('\\') is var at and > 0 ? path[..at] : "";

    /// <summary>The volume that a path lies on: a drive, a cluster shared volume, or a share.</summary>
    public static string VolumeOf(string path)
    {
        const string cluster = @"C:\ClusterStorage\";
        if (path.StartsWith(cluster, StringComparison.OrdinalIgnoreCase)) return First(path, cluster.Length);
        return path.StartsWith(@"\\", StringComparison.Ordinal) ? First(path, First(path, 2).Length + 1) : First(path, 0);

        static string First(string text, int from) => text.IndexOf('\\', Math.Min(from, text.Length)) is var at and > 0 ? text[..at] : text;
    }

    /// <summary>A path below a folder.</summary>
    public static string Below(string folder, params ReadOnlySpan<string> parts) => folder.TrimEnd('\\') + "\\" + string.Join('\\', parts!);

    /// <summary>The last component without its ending.</summary>
    public static string StemOf(string path)
    {
        var file = FileOf(path);
        return file.LastIndexOf('.') is var dot and > 0 ? file[..dot] : file;
    }

    /// <summary>A file name without anything that a Windows file system refuses, so that a name out of an image stays inside its folder.</summary>
    public static string SafeFile(string name)
    {
        var safe = new string([.. FileOf(name).Select(c => c < ' ' || "<>:\"/\\|?*".Contains(c, StringComparison.Ordinal) ? '_' : c)]).Trim(' ', '.');
        return safe.Length is 0 or > 200 ? "unnamed" : safe;
    }
}
