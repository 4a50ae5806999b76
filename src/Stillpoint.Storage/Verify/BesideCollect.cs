namespace Stillpoint.Storage;

/// <summary>A collect may take packs away while a verify runs, once their content lies elsewhere or belongs to nobody.</summary>
internal static class BesideCollect
{
    /// <summary>Packs may go again while all is looked at anew; not this often.</summary>
    private const int MostTries = 4;

    /// <summary>Runs a verify, and again when it found damage and packs went meanwhile: then what it misses may be where it did not look.</summary>
    public static async Task<VerifyReport> RunAsync(StorageUnit unit, Func<Task<VerifyReport>> verify, CancellationToken cancel)
    {
        for (var tries = 1; ; tries++)
        {
            var before = await PacksAsync(unit, cancel);
            var report = await verify();
            if (report.Damage.Count == 0 || tries == MostTries) return report;
            if (before.IsSubsetOf(await PacksAsync(unit, cancel))) return report;
        }
    }

    private static async Task<HashSet<string>> PacksAsync(StorageUnit unit, CancellationToken cancel) =>
        (await unit.Volume.ListAsync(UnitNames.AllPacks, cancel)).Select(e => e.Name).ToHashSet(StringComparer.Ordinal);
}
