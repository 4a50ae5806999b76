namespace Stillpoint.Storage;

/// <summary>What a round could delete in one domain.</summary>
/// <param name="Index">The domain's index that it was planned by.</param>
/// <param name="Mark">What the images need.</param>
/// <param name="Dead">Packs that nothing needs.</param>
/// <param name="Rewrite">Packs that little needs, and small packs of nodes: their living records are to be copied first.</param>
/// <param name="Reseal">Packs whose living records are to be sealed anew first.</param>
internal sealed record DomainPlan(
    DomainIndex Index, LiveMark Mark, IReadOnlyList<PackFile> Dead, IReadOnlyList<PackFile> Rewrite, IReadOnlyList<PackFile> Reseal)
{
    /// <summary>Plans one domain.</summary>
    /// <param name="work">Unit, keys and what was found unreadable.</param>
    /// <param name="domain">The domain.</param>
    /// <param name="expired">Images that were given up.</param>
    /// <param name="open">Sessions that have no end: what they wrote is on its way to an image.</param>
    /// <param name="cancel">Ends the work.</param>
    public static async Task<DomainPlan> MakeAsync(
        CollectWork work, Guid domain, IReadOnlySet<Guid> expired, IReadOnlySet<Guid> open, CancellationToken cancel)
    {
        var unit = work.Unit;
        var index = await unit.FreshIndexAsync(domain, cancel);
        var mark = await LiveMark.RunAsync(unit, index, expired, cancel);
        var dead = new List<PackFile>();
        var sorting = new Sorting(unit, work.Keys?.Keys is { } keys && keys.Domain == domain ? keys.Epoch : null);
        var packs = index.Packs;
        for (var number = 0; number < packs.Count; number++)
        {
            var pack = packs[number];
            if (index.Condemned.Contains(pack.Header.Pack) || open.Contains(pack.Header.Session)) continue;
            var live = mark.LiveBytes(number);
            if (live == 0) dead.Add(pack);
            else if (!work.Tally.Unreadable.Contains(pack.Name) && !work.Tally.Gone.Contains(pack.Name)) sorting.Add(pack, live);
        }
        var (rewrite, reseal) = sorting.End();
        var (toRewrite, _) = await FreeAsync(unit, rewrite, cancel);
        var (toReseal, locked) = await FreeAsync(unit, reseal, cancel);
        foreach (var (pack, until) in locked.Where(l => l.Pack.Header.Epoch < work.Keys!.Keys.Epoch)) work.Tally.OldLocked[pack.Name] = until;
        return new DomainPlan(index, mark, dead, toRewrite, Cut(work, toReseal));
    }

    /// <summary>Those that no lock holds now, and those that one does. One that is locked would stay beside its copy, which is locked too, and be
    /// copied again by the next collect: the unit would grow at each.</summary>
    private static async Task<(List<PackFile> Free, List<(PackFile Pack, DateTimeOffset Until)> Locked)> FreeAsync(
        StorageUnit unit, IReadOnlyList<PackFile> packs, CancellationToken cancel)
    {
        if (unit.LockDays is null || packs.Count == 0) return ([.. packs], []);
        var now = await unit.Volume.ServerTimeAsync(cancel) ?? unit.Environment.Time.GetUtcNow();
        var free = new List<PackFile>();
        var locked = new List<(PackFile Pack, DateTimeOffset Until)>();
        foreach (var some in packs.Chunk(Math.Max(1, unit.Volume.Connections)))
        {
            var until = await Task.WhenAll(some.Select(pack => unit.Volume.LockedUntilAsync(pack.Name, cancel).AsTask()));
            foreach (var (pack, date) in some.Zip(until))
            {
                if (date is { } end && end > now) locked.Add((pack, end));
                else free.Add(pack);
            }
        }
        return (free, locked);
    }

    /// <summary>As many packs as one round takes.</summary>
    private static IReadOnlyList<PackFile> Cut(CollectWork work, List<PackFile> reseal)
    {
        var (count, bytes) = (0, 0L);
        var most = work.Unit.Environment.Margins.ResealAtOnce;
        while (count < reseal.Count && (count == 0 || bytes + reseal[count].Length <= most)) bytes += reseal[count++].Length;
        work.Tally.More |= count < reseal.Count;
        return reseal.GetRange(0, count);
    }

    /// <summary>True when a record of a pack is needed in this place.</summary>
    public bool Lives(PackFile pack, uint offset) => Mark.Needed.Contains(NumberOf(pack), offset);

    private int NumberOf(PackFile pack)
    {
        _numbers ??= Index.Packs.Select((p, i) => (p.Name, i)).ToDictionary(p => p.Name, p => p.i, StringComparer.Ordinal);
        return _numbers[pack.Name];
    }

    private Dictionary<string, int>? _numbers;

    /// <summary>What is to become of packs that something needs.</summary>
    /// <param name="unit">The unit.</param>
    /// <param name="epoch">The epoch to seal under; null without keys of the domain.</param>
    private sealed class Sorting(StorageUnit unit, ushort? epoch)
    {
        private readonly SafetyMargins _margins = unit.Environment.Margins;
        private readonly List<PackFile> _rewrite = [], _reseal = [], _smallNodes = [], _smallData = [];

        public void Add(PackFile pack, long live)
        {
            // A pack of a later epoch than the key file's is not brought back under an older one.
            var sealable = pack.Header.Kind == PackKind.Data && pack.Header.Epoch <= epoch;
            var mostlyDead = pack.Length - PackFormat.HeaderSize - PackFormat.FooterSize - live >= pack.Length * _margins.DeadShare;
            if (sealable && (mostlyDead || pack.Header.Epoch < epoch)) _reseal.Add(pack);
            else if (mostlyDead) _rewrite.Add(pack);
            // Where everything is locked the small ones could not go, and both would stay.
            else if (pack.Length >= _margins.SmallPack || unit.LockDays is not null) return;
            else if (pack.Header.Kind == PackKind.Nodes) _smallNodes.Add(pack);
            else if (sealable) _smallData.Add(pack);
        }

        public (List<PackFile> Rewrite, List<PackFile> Reseal) End()
        {
            if (_smallNodes.Count >= _margins.MostSmallPacks) _rewrite.AddRange(_smallNodes);
            if (_smallData.Count >= _margins.MostSmallPacks) _reseal.AddRange(_smallData);
            return (_rewrite, _reseal);
        }
    }
}
