using Stillpoint.Durable;

namespace Stillpoint.VirtualDisks;

/// <summary>A new file that is written under a name which is no disk's and gets its own when it is whole. What a run that was killed left of the
/// same file goes with the next run: whoever still writes has the file locked, as every disk and every handle without sharing is.</summary>
public sealed class PartialFile : IDisposable
{
    private const string Mark = ".partial-";
    private const int Digits = 8;

    private readonly string _path;
    private bool _kept;

    private PartialFile(string path, string partial) => (_path, Partial) = (path, partial);

    /// <summary>The name meanwhile, in the same folder.</summary>
    public string Partial { get; }

    /// <summary>Chooses the name meanwhile and removes what dead runs left of this file. Makes no file yet.</summary>
    /// <param name="path">The file; must not be there yet.</param>
    /// <param name="newId">For the name meanwhile.</param>
    /// <exception cref="IOException">The file is there.</exception>
    public static PartialFile Begin(string path, Func<Guid> newId)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(newId);
        if (Path.Exists(path)) throw new IOException($"{path} exists already.");
        foreach (var left in OfDead(path)) Remove(left);
        return new(path, $"{path}{Mark}{newId():N}"[..(path.Length + Mark.Length + Digits)]);
    }

    /// <summary>True for a file that a run which is dead left under such a name.</summary>
    public static bool IsRemains(string path)
    {
        var name = Path.GetFileName(path);
        return name.LastIndexOf(Mark, StringComparison.Ordinal) is var at and > 0 && IsPartial(name, name[..(at + Mark.Length)]) && IsDead(path);
    }

    /// <summary>Gives the file its name, durably. Its content must be closed and synced.</summary>
    /// <exception cref="IOException">Another file has taken the name meanwhile.</exception>
    public void Keep()
    {
        File.Move(Partial, _path, overwrite: false);
        _kept = true;
        DurableFile.SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(_path))!);
    }

    /// <summary>Removes the file unless it was kept.</summary>
    public void Dispose()
    {
        if (!_kept) Remove(Partial);
    }

    internal static void Make(string path, Func<Guid> newId, Action<string> make)
    {
        if (ForeignFormat.OfName(path) is { } foreign) throw new ForeignFormatException(path, foreign);
        using var file = Begin(path, newId);
        make(file.Partial);
        file.Keep();
    }

    /// <summary>The remains of runs that ended without removing them.</summary>
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
