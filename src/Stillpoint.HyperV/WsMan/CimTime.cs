using System.Globalization;
using System.Xml;

namespace Stillpoint.HyperV;

/// <summary>Times and intervals: ISO 8601 as WS-Management reads them, and the 25 characters of CIM (DSP0004 5.2.4) as embedded instances
/// carry them.</summary>
internal static class CimTime
{
    /// <summary>A point in time, in either form. 1601-01-01 is how some classes say "never"; it is returned as it is.</summary>
    public static bool TryParse(string text, out DateTimeOffset time)
    {
        if (text.Length == 25 && text[14] == '.' && text[21] is '+' or '-') return TryParseCim(text, out time);
        const DateTimeStyles styles = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, styles, out time);
    }

    /// <summary>A length of time: <c>P0DT0H5M0S</c> or <c>00000000000500.000000:000</c>.</summary>
    public static bool TryParseInterval(string text, out TimeSpan interval)
    {
        interval = TimeSpan.Zero;
        if (text.Length == 25 && text[14] == '.' && text[21] == ':')
        {
            if (!long.TryParse(text.AsSpan(0, 8), NumberStyles.None, CultureInfo.InvariantCulture, out var days) || days > 10_000_000
                || !int.TryParse(text.AsSpan(8, 2), NumberStyles.None, CultureInfo.InvariantCulture, out var hours)
                || !int.TryParse(text.AsSpan(10, 2), NumberStyles.None, CultureInfo.InvariantCulture, out var minutes)
                || !int.TryParse(text.AsSpan(12, 2), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
                || !int.TryParse(text.AsSpan(15, 6), NumberStyles.None, CultureInfo.InvariantCulture, out var micros)) return false;
            interval = TimeSpan.FromDays((int)days) + new TimeSpan(hours, minutes, seconds) + TimeSpan.FromMicroseconds(micros);
            return true;
        }
        try
        {
            interval = XmlConvert.ToTimeSpan(text);
            return true;
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            return false;
        }
    }

    private static bool TryParseCim(string text, out DateTimeOffset time)
    {
        time = default;
        if (!DateTime.TryParseExact(text[..21], "yyyyMMddHHmmss.ffffff", CultureInfo.InvariantCulture, DateTimeStyles.None, out var local)
            || !int.TryParse(text.AsSpan(22), NumberStyles.None, CultureInfo.InvariantCulture, out var minutes) || minutes > 14 * 60) return false;
        var offset = TimeSpan.FromMinutes(text[21] == '-' ? -minutes : minutes);
        if (local.Ticks - offset.Ticks < 0 || local.Ticks - offset.Ticks > DateTime.MaxValue.Ticks) return false;
        time = new DateTimeOffset(DateTime.SpecifyKind(local, DateTimeKind.Unspecified), offset).ToUniversalTime();
        return true;
    }
}
