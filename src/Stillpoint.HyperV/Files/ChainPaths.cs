using Stillpoint.VirtualDisks;

namespace Stillpoint.HyperV;

/// <summary>
/// Follows a chain of parents in the host's own paths: a child names its parent as the host sees it, relative to itself or whole, and that
/// path goes through the same map, the same checks and the same locks as the leaf's did.
/// </summary>
internal sealed class ChainPaths
{
    private readonly LocalHostFiles _files;
    private readonly Dictionary<string, string> _hostPathOf = new(StringComparer.Ordinal);

    public ChainPaths(LocalHostFiles files, string leaf)
    {
        _files = files;
        _hostPathOf[files.Local(leaf)] = leaf;
    }

    /// <summary>The local path of the parent; null when no path that the child names is there.</summary>
    /// <exception cref="IOException">A running VM holds the parent.</exception>
    public string? Resolve(string childPath, ParentLocator locator)
    {
        if (!_hostPathOf.TryGetValue(childPath, out var child)) return null;
        var candidates = new[] { locator.RelativePath is { } relative ? HostPath.Beside(child, relative) : null, locator.AbsolutePath };
        foreach (var candidate in candidates)
        {
            if (candidate is null || !HostPath.TryNormalize(candidate, out var path) || !_files.IsMapped(path) || !_files.Exists(path)) continue;
            var local = _files.Unlocked(path);
            _hostPathOf[local] = path;
            return local;
        }
        return null;
    }
}
