namespace Stillpoint.Storage;

/// <summary>
/// Ends sessions whose writers are gone. A session is taken for dead when its lease did not change for
/// <see cref="SafetyMargins.LeasePatience"/> on this process's own clock; it is then fenced, and if its writer lives after all its
/// commit fails. Ends are never deleted: a writer that slept for a year must still find its own.
/// </summary>
internal sealed class DeadSessions(StorageUnit unit)
{
    private readonly Dictionary<Guid, (long Counter, long Since)> _seen = [];

    /// <summary>Sessions that this fenced.</summary>
    public int Fenced { get; private set; }

    /// <summary>True when a lease was seen to change: its writer lives.</summary>
    public bool IsAlive(Guid session) => _alive.Contains(session);

    private readonly HashSet<Guid> _alive = [];

    /// <summary>The sessions that have begun and have no end.</summary>
    public static async Task<IReadOnlySet<Guid>> OpenAsync(IVolume volume, CancellationToken cancel)
    {
        // Sessions first: one that ends in between is left out, one that begins later did not begin before.
        var begun = (await volume.ListAsync(UnitNames.Sessions, cancel)).Select(e => UnitNames.IdOf(e.Name)).OfType<Guid>().ToHashSet();
        if (begun.Count > 0) begun.ExceptWith((await volume.ListAsync(UnitNames.Ends, cancel)).Select(e => UnitNames.IdOf(e.Name)).OfType<Guid>());
        return begun;
    }

    /// <summary>Looks at the leases once, and fences whose time is over.</summary>
    /// <returns>The sessions of <paramref name="sessions"/> that still have no end.</returns>
    public async Task<IReadOnlyList<Guid>> LookAsync(IEnumerable<Guid> sessions, CancellationToken cancel)
    {
        var ended = (await unit.Volume.ListAsync(UnitNames.Ends, cancel)).Select(e => UnitNames.IdOf(e.Name)).OfType<Guid>().ToHashSet();
        var left = new List<Guid>();
        foreach (var session in sessions.Where(s => !ended.Contains(s)))
        {
            var counter = await SessionLease.CounterAsync(unit.Volume, session, cancel);
            var now = unit.Environment.Time.GetTimestamp();
            var known = _seen.TryGetValue(session, out var seen);
            if (known && seen.Counter != counter) _alive.Add(session);
            if (!known || seen.Counter != counter) _seen[session] = (counter, now);
            else if (unit.Environment.Time.GetElapsedTime(seen.Since, now) >= unit.Environment.Margins.LeasePatience)
            {
                var fence = SessionEnd.Without(session, EndState.Fenced, unit.Environment.Time.GetUtcNow());
                if (await unit.Volume.PutIfAbsentAsync(UnitNames.End(session), fence.Encode(), cancel)) Fenced++;
                continue;
            }
            left.Add(session);
        }
        return left;
    }
}
