using System.Globalization;
using System.Text.RegularExpressions;

namespace Stillpoint.Model;

/// <summary>Numbers of bytes as people write them: binary units, <c>64K</c>, <c>1.5 GiB</c>.</summary>
public static partial class Bytes
{
    private static readonly string[] s_units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

    /// <summary>Three significant figures and a unit.</summary>
    public static string Format(long bytes)
    {
        double value = bytes;
        var unit = 0;
        while (Math.Abs(value) >= 1024 && unit < s_units.Length - 1)
        {
            value /= 1024;
            unit++;
        }
        var digits = unit == 0 || Math.Abs(value) >= 100 ? "0" : Math.Abs(value) >= 10 ? "0.0" : "0.00";
        return $"{value.ToString(digits, CultureInfo.InvariantCulture)} {s_units[unit]}";
    }

    /// <summary>Reads <c>65536</c>, <c>64K</c>, <c>64KiB</c>, <c>1.5G</c>.</summary>
    public static bool TryParse(string text, out long bytes)
    {
        bytes = 0;
        var match = Pattern().Match(text);
        if (!match.Success) return false;
        var power = match.Groups[2].Value is { Length: > 0 } unit ? "KMGTP".IndexOf(char.ToUpperInvariant(unit[0]), StringComparison.Ordinal) + 1 : 0;
        var value = double.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture) * Math.Pow(1024, power);
        if (value > long.MaxValue / 2) return false;
        bytes = (long)value;
        return true;
    }

    [GeneratedRegex(@"^\s*([0-9]+(?:\.[0-9]+)?)\s*([KMGTPkmgtp])?i?[Bb]?\s*$")]
    private static partial Regex Pattern();
}
