namespace Stillpoint.Storage;

/// <summary>The collect rounds that are under way, whoever began them.</summary>
internal static class Rounds
{
    /// <summary>All of them. One that ends while they are read is left out: its packs are gone before it is.</summary>
    public static async Task<IReadOnlyList<CondemnedRound>> ReadAsync(IVolume volume, CancellationToken cancel)
    {
        var rounds = new List<CondemnedRound>();
        foreach (var entry in await volume.ListAsync(UnitNames.Condemned, cancel))
        {
            if (UnitNames.IdOf(entry.Name) is null) continue;
            try
            {
                rounds.Add(CondemnedRound.Decode(await SmallObject.ReadAsync(volume, entry.Name, cancel), entry.Name));
            }
            catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
            {
                continue;
            }
        }
        return rounds;
    }

    /// <summary>The packs that a session which opens now must not build on.</summary>
    public static async Task<IReadOnlySet<Guid>> CondemnedAsync(IVolume volume, CancellationToken cancel) =>
        (await ReadAsync(volume, cancel)).SelectMany(round => round.Packs).Select(pack => pack.Pack).ToHashSet();
}
