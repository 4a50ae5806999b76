using Stillpoint.Model;

namespace Stillpoint.Client;

/// <summary>Host files that running restores of this process write to: two restores never share one, so that neither can undo the other's.</summary>
internal sealed class PathClaims
{
    private readonly HashSet<string> _taken = new(StringComparer.OrdinalIgnoreCase);
    private readonly Lock _lock = new();

    /// <summary>Claims all of the paths until the result is disposed.</summary>
    /// <exception cref="TroubleException">Another restore has one of them.</exception>
    public IDisposable Claim(IReadOnlyList<string> paths)
    {
        lock (_lock)
        {
            if (paths.FirstOrDefault(_taken.Contains) is { } taken)
                throw new TroubleException($"file {taken}", "another restore is writing it now.", "Choose another name, or wait for that restore to end.");
            _taken.UnionWith(paths);
        }
        return new Claimed(this, paths);
    }

    private sealed class Claimed(PathClaims claims, IReadOnlyList<string> paths) : IDisposable
    {
        public void Dispose()
        {
            lock (claims._lock) claims._taken.ExceptWith(paths);
        }
    }
}
