namespace Stillpoint.Durable;

/// <summary>What stands behind a path, told without opening it: the opening of a pipe nobody writes to never returns.</summary>
public static class FileNature
{
    /// <summary>What a path is when it is no regular file, as "a pipe"; null for a regular file, for a path that is not there, and where
    /// the system cannot tell. Links are followed.</summary>
    public static string? OtherThanFile(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (Directory.Exists(path)) return "a folder";
        // inode(7): S_IFMT and its values.
        return !OperatingSystem.IsLinux() ? null : Unix.FileType(path, out _) switch
        {
            0x1000 => "a pipe",
            0x2000 => "a character device",
            0x6000 => "a block device",
            0xC000 => "a socket",
            _ => null,
        };
    }
}
