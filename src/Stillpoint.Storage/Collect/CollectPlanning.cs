namespace Stillpoint.Storage;

/// <summary>What a round could delete in one domain.</summary>
/// <param name="Index">The domain's index that it was planned by.</param>
/// <param name="Mark">What the images need.</param>
/// <param name="Dead">Packs that nothing needs.</param>
/// <param name="Rewrite">Packs that little needs: their living records are to be copied first.</param>
internal sealed record DomainPlan(DomainIndex Index, LiveMark Mark, IReadOnlyList<PackFile> Dead, IReadOnlyList<PackFile> Rewrite)
{
    /// <summary>Plans one domain.</summary>
    /// <param name="unit">The unit.</param>
    /// <param name="domain">The domain.</param>
    /// <param name="expired">Images that were given up.</param>
    /// <param name="open">Sessions that have no end: what they wrote is on its way to an image.</param>
    /// <param name="cancel">Ends the work.</param>
    public static async Task<DomainPlan> MakeAsync(
        StorageUnit unit, Guid domain, IReadOnlySet<Guid> expired, IReadOnlySet<Guid> open, CancellationToken cancel)
    {
        var index = await unit.FreshIndexAsync(domain, cancel);
        var mark = await LiveMark.RunAsync(unit, index, expired, cancel);
        var (dead, rewrite) = (new List<PackFile>(), new List<PackFile>());
        var packs = index.Packs;
        for (var number = 0; number < packs.Count; number++)
        {
            var pack = packs[number];
            if (index.Condemned.Contains(pack.Header.Pack) || open.Contains(pack.Header.Session)) continue;
            var live = mark.LiveBytes(number);
            if (live == 0) dead.Add(pack);
            else if (pack.Length - PackFormat.HeaderSize - PackFormat.FooterSize - live >= pack.Length * unit.Environment.Margins.DeadShare) rewrite.Add(pack);
        }
        return new DomainPlan(index, mark, dead, rewrite);
    }

    /// <summary>True when a record of a pack is needed in this place.</summary>
    public bool Lives(PackFile pack, uint offset) => Mark.Needed.Contains(NumberOf(pack), offset);

    private int NumberOf(PackFile pack)
    {
        _numbers ??= Index.Packs.Select((p, i) => (p.Name, i)).ToDictionary(p => p.Name, p => p.i, StringComparer.Ordinal);
        return _numbers[pack.Name];
    }

    private Dictionary<string, int>? _numbers;
}
