using Stillpoint.Durable;

namespace Stillpoint.VirtualDisks;

/// <summary>A new file that gets its name when it is whole.</summary>
internal static class PartialFile
{
    internal static void Make(string path, Func<Guid> newId, Action<string> make)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(newId);
        if (ForeignFormat.OfName(path) is { } foreign) throw new ForeignFormatException(path, foreign);
        if (Path.Exists(path)) throw new IOException($"{path} exists already.");
        var partial = $"{path}.partial-{newId():N}"[..(path.Length + 17)];
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
