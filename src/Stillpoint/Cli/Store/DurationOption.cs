using System.CommandLine;
using System.Globalization;

namespace Stillpoint.Cli;

/// <summary>A length of time as people write it: <c>90s</c>, <c>5m</c>, <c>2h</c>, <c>1d</c>.</summary>
internal static class DurationOption
{
    public static Option<TimeSpan?> Create(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "TIME",
        CustomParser = result =>
        {
            if (TryParse(result.Tokens[0].Value, out var value)) return value;
            result.AddError($"{name} {result.Tokens[0].Value} is no length of time: write 90s, 5m, 2h or 1d.");
            return null;
        },
    };

    private static bool TryParse(string text, out TimeSpan value)
    {
        value = default;
        if (text.Length < 2 || !int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return false;
        TimeSpan? unit = text[^1] switch
        {
            's' => TimeSpan.FromSeconds(1),
            'm' => TimeSpan.FromMinutes(1),
            'h' => TimeSpan.FromHours(1),
            'd' => TimeSpan.FromDays(1),
            _ => null,
        };
        if (unit is not { } one || number > TimeSpan.FromDays(3650) / one) return false;
        value = number * one;
        return true;
    }
}
