using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>
/// The time that a unit can prove to have come, for the end of a lock: never later than the host's clock (and the clock of the server that holds the
/// unit, where there is one), and never later than the times
/// in its own ends, notes and keepings show, each step between two of them counted for <see cref="SafetyMargins.MostClockStep"/> at most. So a
/// clock that jumps ahead ends no lock, nor does a backup made under such a clock; a unit that nobody writes to ends its locks late.
/// </summary>
internal static class ProvenTime
{
    /// <param name="created">When the unit was made.</param>
    /// <param name="written">Times in its objects, in any order.</param>
    /// <param name="now">The clock that is behind: the host's or the server's.</param>
    /// <param name="mostStep">What two times in a row prove at most.</param>
    public static DateTimeOffset Of(DateTimeOffset created, IEnumerable<DateTimeOffset> written, DateTimeOffset now, TimeSpan mostStep)
    {
        DateTimeOffset last = created, proven = created;
        foreach (var time in written.Where(t => t > created && t <= now).Order())
        {
            var step = time - last;
            proven += step < mostStep ? step : mostStep;
            last = time;
        }
        return proven;
    }
}
