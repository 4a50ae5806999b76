using Stillpoint.Chunks;

namespace Stillpoint.Media;

/// <summary>
/// The last list of a unit's images, kept while somebody reads these images some at a time, so that the unit is not listed again for each few. Bounded
/// in units and time; safe for several threads.
/// </summary>
internal sealed class ListedImages(TimeProvider time) : IDisposable
{
    private const int MostUnits = 4;
    private static readonly TimeSpan s_keptFor = TimeSpan.FromMinutes(2);
    private readonly Lock _sync = new();
    private readonly Dictionary<string, Listed> _units = new(StringComparer.Ordinal);

    /// <summary>Keeps a list, in place of an older one.</summary>
    public IReadOnlyDictionary<Guid, StoredImage> Keep(string unit, IReadOnlyList<StoredImage> images)
    {
        var byId = images.ToDictionary(i => i.Header.Id);
        lock (_sync)
        {
            Drop(unit);
            if (_units.Count >= MostUnits) Drop(_units.MinBy(u => u.Value.Used).Key);
            var listed = new Listed(byId, time.GetTimestamp());
            listed.Forgetting = time.CreateTimer(_ => Forget(unit, listed), null, s_keptFor, Timeout.InfiniteTimeSpan);
            _units.Add(unit, listed);
        }
        return byId;
    }

    /// <summary>The list that is kept; null when there is none.</summary>
    public IReadOnlyDictionary<Guid, StoredImage>? Find(string unit)
    {
        lock (_sync)
        {
            if (!_units.TryGetValue(unit, out var listed)) return null;
            listed.Used = time.GetTimestamp();
            listed.Forgetting?.Change(s_keptFor, Timeout.InfiniteTimeSpan);
            return listed.Images;
        }
    }

    public void Dispose()
    {
        lock (_sync)
        {
            foreach (var unit in _units.Keys.ToList()) Drop(unit);
        }
    }

    private void Forget(string unit, Listed listed)
    {
        lock (_sync)
        {
            if (_units.GetValueOrDefault(unit) == listed) Drop(unit);
        }
    }

    private void Drop(string unit)
    {
        if (_units.Remove(unit, out var listed)) listed.Forgetting?.Dispose();
    }

    private sealed class Listed(IReadOnlyDictionary<Guid, StoredImage> images, long used)
    {
        public IReadOnlyDictionary<Guid, StoredImage> Images { get; } = images;

        public long Used { get; set; } = used;

        public ITimer? Forgetting { get; set; }
    }
}
