using System.Globalization;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary>Schedules as people type them: <c>NAME=TYPE[,every=1d][,days=30][,keep=2]</c>.</summary>
internal static class ScheduleText
{
    /// <exception cref="CommandFailedException">It is no schedule.</exception>
    public static Schedule Parse(string text)
    {
        var parts = text.Split(',');
        var head = parts[0].Split('=');
        if (head.Length != 2 || !Words.TryParse<ImageType>(head[1], out var type))
            throw Wrong(text, "it must begin with NAME=full, NAME=differential-incremental or NAME=cumulative-incremental");
        TimeSpan? every = null;
        int days = 30, keep = 2;
        foreach (var part in parts.Skip(1))
        {
            var pair = part.Split('=');
            if (pair.Length != 2) throw Wrong(text, $"'{part}' is not KEY=VALUE");
            switch (pair[0])
            {
                case "every": every = Span(pair[1]) ?? throw Wrong(text, "every is a number with m, h, d or w, for example 12h"); break;
                case "days" when int.TryParse(pair[1], NumberStyles.None, CultureInfo.InvariantCulture, out days): break;
                case "keep" when int.TryParse(pair[1], NumberStyles.None, CultureInfo.InvariantCulture, out keep): break;
                default: throw Wrong(text, $"'{part}' is not every=SPAN, days=NUMBER or keep=NUMBER");
            }
        }
        return new Schedule(head[0], type, every, new Retention(days, keep));
    }

    /// <summary>As a person would say it.</summary>
    public static string Every(TimeSpan? every) => every switch
    {
        null => "by hand",
        { Ticks: var ticks } span when ticks % TimeSpan.TicksPerDay == 0 => $"every {span.TotalDays:0} d",
        { Ticks: var ticks } span when ticks % TimeSpan.TicksPerHour == 0 => $"every {span.TotalHours:0} h",
        { } span => $"every {span.TotalMinutes:0.##} min",
    };

    private static TimeSpan? Span(string text)
    {
        if (text.Length < 2 || !int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return null;
        return number is < 1 or > 600_000 ? null : text[^1] switch
        {
            'm' => TimeSpan.FromMinutes(number),
            'h' => TimeSpan.FromHours(number),
            'd' => TimeSpan.FromDays(number),
            'w' => TimeSpan.FromDays(7L * number),
            _ => null,
        };
    }

    private static CommandFailedException Wrong(string text, string why) =>
        new(ExitCodes.Failed, $"--schedule {text}: {why}.", "For example --schedule full=full,every=1w,days=60,keep=4");
}
