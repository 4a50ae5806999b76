using Stillpoint.Model;

namespace Stillpoint.HyperV;

/// <summary>Finds a host's files on a machine that is not the host: the longest mapped prefix wins, names are compared without regard to
/// case as the host does.</summary>
internal sealed class LocalPaths
{
    private readonly PathMapping[] _mappings;

    public LocalPaths(IEnumerable<PathMapping> mappings) => _mappings =
        [.. mappings.Select(m => m with { HostPrefix = HostPath.Normalize(m.HostPrefix) }).OrderByDescending(m => m.HostPrefix.Length)];

    /// <summary>Where the file is, or would be: each part of the path that is there is taken as it is written there.</summary>
    /// <exception cref="TroubleException">No mapping holds the path, or two names differ in case alone.</exception>
    public string Resolve(string hostPath)
    {
        var path = HostPath.Normalize(hostPath);
        foreach (var mapping in _mappings)
        {
            if (Below(path, mapping.HostPrefix) is not { } rest) continue;
            var local = mapping.LocalFolder;
            foreach (var name in rest.Split('\\', StringSplitOptions.RemoveEmptyEntries)) local = Path.Combine(local, Find(local, name) ?? name);
            return local;
        }
        throw new TroubleException(path, "is on no folder of the path map.", $"Map it: --path-map '{path[..2]}\\=FOLDER'.");
    }

    /// <summary>True when the map has a folder for the path.</summary>
    public bool Holds(string hostPath) =>
        HostPath.TryNormalize(hostPath, out var path) && _mappings.Any(m => Below(path, m.HostPrefix) is not null);

    /// <summary>The part of <paramref name="path"/> below <paramref name="prefix"/>; null when it is not below it.</summary>
    private static string? Below(string path, string prefix)
    {
        if (!path.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)) return null;
        return path.Length == prefix.Length || prefix.EndsWith('\\') || path[prefix.Length] == '\\' ? path[prefix.Length..] : null;
    }

    private static string? Find(string folder, string name)
    {
        if (Path.Exists(Path.Combine(folder, name))) return name;
        if (!Directory.Exists(folder)) return null;
        var found = Directory.EnumerateFileSystemEntries(folder)
            .Select(entry => Path.GetFileName(entry))
            .Where(entry => string.Equals(entry, name, StringComparison.OrdinalIgnoreCase))
            .Take(2).ToArray();
        return found.Length > 1
            ? throw new TroubleException(Path.Combine(folder, name), "is there twice, in names that differ in case alone.", "Remove one of the two.")
            : found.FirstOrDefault();
    }
}
