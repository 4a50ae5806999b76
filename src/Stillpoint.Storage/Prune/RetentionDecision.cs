using System.Globalization;
using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>
/// Decides by a policy which images of a VM stay. Pure. An image is as old as it says, but never younger than its commit, which the server
/// dated: a client that dates its image in the future gains nothing. An image that is suspect, known to be damaged, or the second
/// of one job takes no place: it stays only while the place it would have is still empty, so that nothing sound goes for its sake.
/// </summary>
internal static class RetentionDecision
{
    private static readonly (string Word, Func<RetentionPolicy, int> Count, Func<DateTimeOffset, string> Period)[] s_rules =
    [
        ("hourly", p => p.Hourly, t => t.ToString("yyyy-MM-dd HH':00'", CultureInfo.InvariantCulture)),
        ("daily", p => p.Daily, t => t.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)),
        ("weekly", p => p.Weekly, t => $"{ISOWeek.GetYear(t.DateTime)}-W{ISOWeek.GetWeekOfYear(t.DateTime):00}"),
        ("monthly", p => p.Monthly, t => t.ToString("yyyy-MM", CultureInfo.InvariantCulture)),
        ("yearly", p => p.Yearly, t => t.ToString("yyyy", CultureInfo.InvariantCulture)),
    ];

    /// <summary>When an image counts as made.</summary>
    public static DateTimeOffset TimeOf(CommittedImage image) =>
        (image.Image.Header.Created < image.Committed ? image.Image.Header.Created : image.Committed).ToUniversalTime();

    /// <summary>Decides.</summary>
    /// <param name="images">The images of one VM, in any order.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="doubted">Images that are not to be trusted, and why: <see cref="ImageDoubt"/>.</param>
    /// <param name="proven">The time that the unit can prove, for locks.</param>
    public static IReadOnlyList<PlannedImage> Decide(
        IEnumerable<CommittedImage> images, RetentionPolicy policy, IReadOnlyDictionary<Guid, string> doubted, DateTimeOffset proven)
    {
        var ordered = images.OrderByDescending(TimeOf).ThenBy(i => i.Image.Header.Id).ToList();
        var firsts = ordered.GroupBy(i => i.Image.Header.JobId).Select(g => g.MinBy(i => i.Committed)!.Image.Header.Id).ToHashSet();
        var places = new Places(policy);
        var planned = new List<PlannedImage>();
        foreach (var image in ordered)
        {
            var header = image.Image.Header;
            var lack = doubted.TryGetValue(header.Id, out var doubt) ? doubt
                : !firsts.Contains(header.Id) ? "another image of its job"
                : null;
            var wanted = places.Offer(TimeOf(image), take: lack is null);
            var reasons = lack is null ? wanted : [.. wanted.Select(w => $"{w}, as long as no sound image takes the place")];
            if (Keeper.Obstacle(image, proven) is { } obstacle) reasons = [.. reasons, obstacle];
            planned.Add(new PlannedImage(
                header.Id, header.VmId, header.Created, reasons.Count > 0, lack is null && wanted.Count > 0,
                reasons.Count > 0 ? reasons : [lack is null ? "no rule keeps it" : $"{lack}, and sound images fill the places"]));
        }
        return planned;
    }

    /// <summary>What of a policy is still to be filled, from the newest image on.</summary>
    private sealed class Places(RetentionPolicy policy)
    {
        private readonly int[] _left = [.. s_rules.Select(rule => rule.Count(policy))];
        private readonly string?[] _filled = new string?[s_rules.Length];
        private int _last = policy.Last;

        /// <summary>The rules that want an image of this time.</summary>
        public IReadOnlyList<string> Offer(DateTimeOffset time, bool take)
        {
            var wanted = new List<string>();
            if (_last > 0)
            {
                wanted.Add("last");
                if (take) _last--;
            }
            for (var i = 0; i < s_rules.Length; i++)
            {
                var period = s_rules[i].Period(time);
                if (_left[i] == 0 || _filled[i] == period) continue;
                wanted.Add($"{s_rules[i].Word} {period}");
                if (!take) continue;
                _left[i]--;
                _filled[i] = period;
            }
            return wanted;
        }
    }
}
