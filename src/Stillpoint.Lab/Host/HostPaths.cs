using System.Buffers;

namespace Stillpoint.Lab;

/// <summary>Windows paths of the simulated host as files here: <c>C:\</c> is a folder, and names are found without regard to case.</summary>
internal sealed class HostPaths
{
    private static readonly SearchValues<char> NotInNames = SearchValues.Create("\0:*?\"<>|");
    private readonly string _drive;

    /// <param name="drive">Folder that stands for <c>C:\</c>.</param>
    public HostPaths(string drive)
    {
        _drive = Path.GetFullPath(drive);
        Directory.CreateDirectory(_drive);
    }

    /// <summary>The folder for <c>C:\</c>.</summary>
    public string Drive => _drive;

    /// <summary>The local path of a host path. Parts that exist are found without regard to case; the others keep their spelling.</summary>
    /// <exception cref="JobFailedException">Not a full path on <c>C:</c>, or one that climbs out of it.</exception>
    public string ToLocal(string hostPath)
    {
        var path = hostPath.StartsWith(@"\\?\", StringComparison.Ordinal) ? hostPath[4..] : hostPath;
        if (path.Length < 3 || char.ToUpperInvariant(path[0]) != 'C' || path[1] != ':' || path[2] is not ('\\' or '/')) throw Invalid(hostPath);
        var local = _drive;
        foreach (var part in path[3..].Split(['\\', '/'], StringSplitOptions.RemoveEmptyEntries))
        {
            if (part is "." or ".." || part.AsSpan().ContainsAny(NotInNames)) throw Invalid(hostPath);
            local = Find(local, part);
        }
        return local;
    }

    /// <summary>The host path of a local file; null when it lies outside the host.</summary>
    public string? ToHost(string localPath)
    {
        var relative = Path.GetRelativePath(_drive, Path.GetFullPath(localPath));
        return relative.StartsWith("..", StringComparison.Ordinal) || Path.IsPathRooted(relative) ? null : @"C:\" + relative.Replace('/', '\\');
    }

    /// <summary>Folder part of a host path.</summary>
    public static string Folder(string hostPath) => hostPath[..Math.Max(hostPath.LastIndexOf('\\'), 0)];

    /// <summary>Name part of a host path.</summary>
    public static string Name(string hostPath) => hostPath[(hostPath.LastIndexOf('\\') + 1)..];

    private static string Find(string folder, string name)
    {
        var exact = Path.Combine(folder, name);
        if (Path.Exists(exact) || !Directory.Exists(folder)) return exact;
        return Directory.EnumerateFileSystemEntries(folder).FirstOrDefault(e => Path.GetFileName(e).Equals(name, StringComparison.OrdinalIgnoreCase))
            ?? exact;
    }

    private static JobFailedException Invalid(string path) =>
        new($"'{path}': The filename, directory name, or volume label syntax is incorrect. (0x8007007B).", 32773);
}
