using Stillpoint.Storage;

namespace Stillpoint.Cli;

/// <summary>The head that a unit was expected to have, and did not.</summary>
/// <param name="Head">What was expected.</param>
/// <param name="Change">What became of the unit since it had it; null where nothing in the unit tells of that state.</param>
internal sealed record ExpectedHead(string Head, HeadChange? Change)
{
    private const int Digits = 64, MostListed = 10;

    /// <summary>Refuses what is no head, before anything is read.</summary>
    public static string Parse(string text) => text.Length == Digits && text.All(char.IsAsciiHexDigit)
        ? text.ToLowerInvariant()
        : throw new CommandFailedException(
            ExitCodes.Failed, $"--expect {text} is no head.", $"give the {Digits} hexadecimal digits that store head, or the end of a verify, printed");

    /// <summary>Null when the head is the expected one.</summary>
    public static async Task<ExpectedHead?> DifferentAsync(StorageUnit unit, string expected, string head, CancellationToken cancel) =>
        expected == head ? null : new ExpectedHead(expected, await unit.SinceHeadAsync(expected, cancel));

    /// <summary>What is to be said of it, a line each.</summary>
    /// <param name="head">The unit's head.</param>
    public IEnumerable<string> Lines(string head)
    {
        yield return $"OTHER HEAD: the unit's head is {head}, not {Head}";
        if (Change is null)
        {
            yield return "its objects tell of no such state: it was rolled back to before it, something of that state is gone, or the head is another unit's. "
                + "An image that was given up and collected since hides it too";
            yield break;
        }
        yield return $"it was in that state until after {Change.At:u}, and changed since:";
        if (Change.NewImages.Count > 0) yield return Line("new", Change.NewImages.Count, "image", Change.NewImages.Select(i => $"{i}"));
        if (Change.GivenUp.Count > 0) yield return Line("given up", Change.GivenUp.Count, "image", Change.GivenUp.Select(i => $"{i}"));
        if (Change.NewNotes.Count > 0) yield return Line("new", Change.NewNotes.Count, "note", Change.NewNotes);
    }

    private static string Line(string what, int count, string kind, IEnumerable<string> names) =>
        $"  {what}: {Counted.Of(count, kind)}: {string.Join(", ", names.Take(MostListed))}{(count > MostListed ? $" and {count - MostListed} more" : "")}";
}
