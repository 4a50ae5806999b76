namespace Stillpoint.Lab;

/// <summary>Which writes a burst consists of: a pure function of the guest's areas, the seed and the size, so that a burst that a crash cut
/// short is simply done again. Six in ten are overwrites of 4 to 256 KiB, two are zeros of 64 KiB to 1 MiB, two are small ones of 512 to 4096
/// bytes.</summary>
internal static class GuestPlan
{
    private const int Sector = 512;
    private const int Page = 4096;
    private const int KiB = 1024;

    /// <summary>The writes.</summary>
    /// <param name="areas">Per disk, where the guest may write.</param>
    /// <param name="burst">Seed and about how many bytes; at least one write.</param>
    public static IEnumerable<GuestWrite> Writes(IReadOnlyList<IReadOnlyList<WriteArea>> areas, WriteBurst burst)
    {
        var places = areas.SelectMany((list, disk) => list.Where(a => a.Length >= Page).Select(a => (Disk: disk, Area: a))).ToArray();
        if (places.Length == 0) yield break;
        var total = places.Sum(p => p.Area.Length);
        var random = new Random(burst.Seed);
        long done = 0;
        while (done < burst.Bytes)
        {
            var place = Pick(places, random.NextInt64(total));
            var (length, unit, zeros) = Shape(random);
            length = (int)Math.Min(length, place.Area.Length / unit * unit);
            // Never far past what was asked for: a request for 4 KiB is not answered with 1 MiB.
            length = (int)Math.Min(length, Math.Max(unit, (burst.Bytes - done + unit - 1) / unit * unit));
            var slots = (place.Area.Length - length) / unit + 1;
            yield return new GuestWrite(place.Disk, place.Area.Offset + random.NextInt64(slots) * unit, length, zeros ? null : random.Next());
            done += length;
        }
    }

    private static (int Length, int Unit, bool Zeros) Shape(Random random) => random.Next(10) switch
    {
        < 6 => (random.Next(1, 65) * Page, Page, false),
        < 8 => (random.Next(1, 17) * 64 * KiB, Page, true),
        _ => (random.Next(1, 9) * Sector, Sector, false),
    };

    private static (int Disk, WriteArea Area) Pick((int Disk, WriteArea Area)[] places, long at)
    {
        foreach (var place in places)
        {
            if (at < place.Area.Length) return place;
            at -= place.Area.Length;
        }
        return places[^1];
    }
}
