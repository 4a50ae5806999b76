using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>Parts of lists. A cursor is the last shown number, or name.</summary>
internal static class Paging
{
    public const int Default = 100;
    public const int Most = 1_000;

    public static int Limit(int? asked) => asked switch
    {
        null => Default,
        >= 1 and <= Most => asked.Value,
        _ => throw Refusal.Invalid("limit", $"It must be from 1 to {Most}.", "Ask for less, and go on with 'after'."),
    };

    /// <summary>The number before which a list that runs backwards goes on.</summary>
    public static long Before(string? after) => after is null ? long.MaxValue
        : long.TryParse(after, out var number) && number > 0 ? number
        : throw Refusal.Invalid("after", "It is no cursor.", "Give what the part before called 'next'.");

    public static Page<T> Of<T>(IReadOnlyList<T> items, int limit, Func<T, long> number) =>
        new(items, items.Count == limit ? number(items[^1]).ToString() : null);

    /// <summary>A part of a short list that is ordered by name.</summary>
    public static Page<T> ByName<T>(IEnumerable<T> all, Func<T, string> name, int? limit, string? after)
    {
        var most = Limit(limit);
        var rest = all.Where(i => after is null || string.CompareOrdinal(name(i), after) > 0)
            .OrderBy(name, StringComparer.Ordinal).Take(most + 1).ToList();
        return rest.Count > most ? new Page<T>(rest[..most], name(rest[most - 1])) : new Page<T>(rest, null);
    }
}
