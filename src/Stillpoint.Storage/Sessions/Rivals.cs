namespace Stillpoint.Storage;

/// <summary>
/// Keeps an image id single. A session puts its image object first and then ends every other session that has put one of the same id:
/// of two that do so at once at least one sees the other, and an end can be written once only.
/// </summary>
internal static class Rivals
{
    /// <exception cref="Model.TroubleException">Another session has committed that image.</exception>
    public static async Task FenceAsync(StorageUnit unit, Guid image, Guid session, CancellationToken cancel)
    {
        foreach (var rival in await OfAsync(unit, image, session, cancel))
        {
            var fence = SessionEnd.Without(rival, EndState.Fenced, unit.Environment.Time.GetUtcNow());
            if (await unit.Volume.PutIfAbsentAsync(UnitNames.End(rival), fence.Encode(), cancel)) continue;
            var end = SessionEnd.Decode(await SmallObject.ReadAsync(unit.Volume, UnitNames.End(rival), cancel), UnitNames.End(rival));
            if (end.State == EndState.Committed)
                throw UnitTrouble.Refused(unit.Name, $"image {image:N} exists already.", "take the image that is there, or run the backup as a new job");
        }
    }

    private static async Task<IReadOnlyList<Guid>> OfAsync(StorageUnit unit, Guid image, Guid session, CancellationToken cancel)
    {
        var prefix = $"{UnitNames.Images}{image:N}.";
        var rivals = new List<Guid>();
        foreach (var entry in await unit.Volume.ListAsync(UnitNames.Images, cancel))
        {
            if (entry.Name.StartsWith(prefix, StringComparison.Ordinal) && Guid.TryParseExact(entry.Name[prefix.Length..], "N", out var other) && other != session)
                rivals.Add(other);
        }
        return rivals;
    }
}
