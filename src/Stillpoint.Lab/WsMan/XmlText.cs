using System.Globalization;
using System.Text;

namespace Stillpoint.Lab;

/// <summary>Values as the text that stands in an answer.</summary>
internal static class XmlText
{
    private const long TicksPerMicrosecond = TimeSpan.TicksPerMicrosecond;

    /// <summary>Text with markup escaped; characters that XML 1.0 forbids become U+FFFD.</summary>
    public static string Escape(string text)
    {
        var escaped = new StringBuilder(text.Length + 16);
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1])) escaped.Append(c).Append(text[++i]);
            else escaped.Append(Escape(c));
        }
        return escaped.ToString();
    }

    /// <summary>A value that is no reference, as WS-CIM and CIM-XML write it.</summary>
    public static string Format(object value) => value switch
    {
        bool flag => flag ? "true" : "false",
        string text => text,
        DateTimeOffset time => FormatTime(time),
        TimeSpan span => FormatInterval(span),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => throw new InvalidOperationException($"no text form for {value.GetType()}"),
    };

    private static string FormatTime(DateTimeOffset time)
    {
        var utc = time.UtcDateTime;
        var microseconds = utc.Ticks % TimeSpan.TicksPerSecond / TicksPerMicrosecond;
        var fraction = microseconds == 0 ? "" : "." + microseconds.ToString("D6").TrimEnd('0');
        return utc.ToString("yyyy-MM-dd'T'HH:mm:ss") + fraction + "Z";
    }

    private static string FormatInterval(TimeSpan span)
    {
        var microseconds = span.Ticks % TimeSpan.TicksPerSecond / TicksPerMicrosecond;
        var fraction = microseconds == 0 ? "" : "." + microseconds.ToString("D6").TrimEnd('0');
        return $"P{span.Days}DT{span.Hours}H{span.Minutes}M{span.Seconds}{fraction}S";
    }

    private static string Escape(char c) => c switch
    {
        '&' => "&amp;",
        '<' => "&lt;",
        '>' => "&gt;",
        '\r' => "&#13;",
        '\t' or '\n' => c.ToString(),
        < ' ' or '\uFFFE' or '\uFFFF' => "\uFFFD",
        _ when char.IsSurrogate(c) => "\uFFFD",
        _ => c.ToString(),
    };
}
