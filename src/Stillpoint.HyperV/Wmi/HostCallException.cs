using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Stillpoint.HyperV;

/// <summary>A method returned an error, or its job failed.</summary>
[SuppressMessage("Design", "CA1032", Justification = "always made from a code, inside this library")]
internal sealed partial class HostCallException(string method, long code, IReadOnlyList<string> messages)
    : Exception(messages.Count > 0 ? string.Join(' ', messages) : $"{method}: {ReturnCode.Words(code)}")
{
    /// <summary>The method's return value, or the job's ErrorCode.</summary>
    public long Code { get; } = code;

    /// <summary>True when an error code of 32 bits was returned or stands in the messages: hosts write them as <c>(0x80070020)</c> in every
    /// language.</summary>
    public bool Has(params ReadOnlySpan<uint> errors)
    {
        if (Code is > 0 and <= uint.MaxValue && errors.Contains((uint)Code)) return true;
        foreach (var message in messages)
        {
            foreach (var match in HexCode().EnumerateMatches(message))
            {
                var digits = message.AsSpan(match.Index + 2, 8);
                if (errors.Contains(uint.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture))) return true;
            }
        }
        return false;
    }

    [GeneratedRegex("0[xX][0-9A-Fa-f]{8}(?![0-9A-Fa-f])", RegexOptions.CultureInvariant)]
    private static partial Regex HexCode();
}
