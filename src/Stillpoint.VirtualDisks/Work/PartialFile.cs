using Stillpoint.Durable;

namespace Stillpoint.VirtualDisks;

/// <summary>A new file that gets its name when it is whole. What a run that was killed left of the same file goes with the next run.</summary>
internal static class PartialFile
{
    private const string Mark = ".partial-";
    private const int Digits = 8;

    internal static void Make(string path, Func<Guid> newId, Action<string> make)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(newId);
        if (ForeignFormat.OfName(path) is { } foreign) throw new ForeignFormatException(path, foreign);
        if (Path.Exists(path)) throw new IOException($"{path} exists already.");
        foreach (var left in OfDead(path)) Remove(left);
        var partial = $"{path}{Mark}{newId():N}"[..(path.Length + Mark.Length + Digits)];
        var done = false;
        try
        {
            make(partial);
            File.Move(partial, path, overwrite: false);
            done = true;
        }
        finally
        {
            if (!done) Remove(partial);
        }
        DurableFile.SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    /// <summary>The remains of runs that ended without removing them. Whoever still writes has the file locked, and the lock ends with its process.</summary>
    private static List<string> OfDead(string path)
    {
        var name = Path.GetFileName(path) + Mark;
        try
        {
            return [.. Directory.EnumerateFiles(Path.GetDirectoryName(Path.GetFullPath(path))!).Where(file => IsPartial(Path.GetFileName(file), name) && IsDead(file))];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A folder that can be written to but not listed: its remains stay, and a folder that is not there is told by the work.
            return [];
        }
    }

    private static bool IsPartial(string file, string name) =>
        file.Length == name.Length + Digits && file.StartsWith(name, StringComparison.Ordinal) && file.Skip(name.Length).All(char.IsAsciiHexDigitLower);

    private static bool IsDead(string file)
    {
        try
        {
            using var mine = File.OpenHandle(file, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            // Where a file system knows no locks a second open succeeds too, and nothing tells who lives.
            return IsLocked(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static bool IsLocked(string file)
    {
        try
        {
            File.OpenHandle(file, FileMode.Open, FileAccess.ReadWrite, FileShare.None).Dispose();
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    /// <summary>Why the work failed matters more than that its remains cannot be removed.</summary>
    private static void Remove(string partial)
    {
        try
        {
            File.Delete(partial);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }
}
