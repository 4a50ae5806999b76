using System.Globalization;

namespace Stillpoint.Cli;

/// <summary>A number and its noun, as people say them.</summary>
internal static class Counted
{
    /// <summary>"1 pack", "2 packs".</summary>
    /// <param name="count">How many.</param>
    /// <param name="one">The noun of one, its plural made by an s.</param>
    public static string Of(long count, string one) => Of(count, one, one + "s");

    /// <summary>"1 image is", "2 images are".</summary>
    /// <param name="count">How many.</param>
    /// <param name="one">What stands behind 1.</param>
    /// <param name="many">What stands behind any other number.</param>
    public static string Of(long count, string one, string many) => $"{count.ToString(CultureInfo.InvariantCulture)} {(count == 1 ? one : many)}";

    /// <summary>"12 hours", "1 day": days where they are whole.</summary>
    public static string Time(TimeSpan time) =>
        time.Ticks % TimeSpan.TicksPerDay == 0 ? Of(time.Ticks / TimeSpan.TicksPerDay, "day") : Of((long)Math.Floor(time.TotalHours), "hour");
}
