using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Stillpoint.Model;

namespace Stillpoint.Chunks;

/// <summary>Bytes as lines that a person can print, read and type: a line's number, 20 bytes in base 32 (Crockford's digits, without I, L, O, U)
/// in groups of four, and two digits that tell a slip in this line. A last line checks the whole.</summary>
internal static class KitText
{
    private const string Begin = "BEGIN STILLPOINT RECOVERY KIT", Finish = "END STILLPOINT RECOVERY KIT", Frame = "-----", CheckWord = "check";
    private const string Digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    private const int LineBytes = 20, MostLines = 999, CheckDigits = 2;

    public static string Write(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder().Append(Frame).Append(Begin).Append(Frame).Append('\n');
        for (int at = 0, line = 1; at < bytes.Length; at += LineBytes, line++)
        {
            var part = bytes.Slice(at, Math.Min(LineBytes, bytes.Length - at));
            text.Append(CultureInfo.InvariantCulture, $"{line:00}  ");
            var digits = Encode(part);
            for (var i = 0; i < digits.Length; i += 4) text.Append(digits, i, Math.Min(4, digits.Length - i)).Append(i + 4 < digits.Length ? '-' : ' ');
            text.Append(' ').Append(LineCheck(line, part)).Append('\n');
        }
        return text.Append(CheckWord).Append(' ').Append(Check(bytes)).Append('\n').Append(Frame).Append(Finish).Append(Frame).Append('\n').ToString();
    }

    /// <exception cref="TroubleException">There is no kit in the text, or it was mistyped; says in which line.</exception>
    public static byte[] Read(string text, string path)
    {
        var lines = text.Split('\n').Select(l => l.Trim()).Where(l => l.Length > 0).ToList();
        int first = lines.FindIndex(l => IsFrame(l, Begin)), last = lines.FindIndex(l => IsFrame(l, Finish));
        if (first < 0 || last < first) throw Refuse(path, "it holds no recovery kit: the lines BEGIN and END STILLPOINT RECOVERY KIT are not there.");
        if (last - first - 2 is < 1 or > MostLines) throw Refuse(path, "lines of it are missing.");
        var bytes = new List<byte>();
        var number = 0;
        for (var i = first + 1; i < last - 1; i++)
        {
            number++;
            var parts = lines[i].Split((char[]?)null, 2, StringSplitOptions.RemoveEmptyEntries);
            if (parts.Length != 2 || !int.TryParse(Plain(parts[0]), NumberStyles.None, CultureInfo.InvariantCulture, out var said) || said != number)
                throw Refuse(path, $"line {number} is missing or out of place.");
            var digits = Plain(parts[1]);
            var part = digits.Length > CheckDigits ? Decode(digits[..^CheckDigits]) : null;
            if (part is null || part.Length > LineBytes || (part.Length < LineBytes && i < last - 2)
                || !digits.EndsWith(LineCheck(number, part), StringComparison.Ordinal))
                throw Refuse(path, $"line {number} does not fit its check digits: look for a slip in it.");
            bytes.AddRange(part);
        }
        var whole = bytes.ToArray();
        return string.Equals(Plain(lines[last - 1]), Plain(CheckWord + Check(whole)), StringComparison.Ordinal)
            ? whole
            : throw Refuse(path, "its check line does not fit: a line is missing or of another kit.");
    }

    /// <summary>True for what only parts the digits for the eye: blanks, and hyphens of every kind that an editor makes of one.</summary>
    internal static bool IsGap(char c) => char.IsWhiteSpace(c) || char.GetUnicodeCategory(c) == UnicodeCategory.DashPunctuation;

    /// <summary>However many hyphens and blanks were typed, in small or capital letters.</summary>
    private static bool IsFrame(string line, string words) => string.Equals(Plain(line), Plain(words), StringComparison.Ordinal);

    private static string Encode(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder();
        uint held = 0;
        var bits = 0;
        foreach (var b in bytes)
        {
            held = (held & 0xff) << 8 | b;
            for (bits += 8; bits >= 5; bits -= 5) text.Append(Digits[(int)(held >> (bits - 5) & 31)]);
        }
        if (bits > 0) text.Append(Digits[(int)(held << (5 - bits) & 31)]);
        return text.ToString();
    }

    /// <summary>Of digits that are <see cref="Plain"/>; null when one is none, or the bits behind the last whole byte are not zero.</summary>
    private static byte[]? Decode(string text)
    {
        var bytes = new List<byte>();
        uint held = 0;
        var bits = 0;
        foreach (var c in text)
        {
            var digit = Digits.IndexOf(c, StringComparison.Ordinal);
            if (digit < 0) return null;
            held = (held & 0x3fff) << 5 | (uint)digit;
            bits += 5;
            if (bits < 8) continue;
            bits -= 8;
            bytes.Add((byte)(held >> bits & 0xff));
        }
        return bits < 5 && (held & (1u << bits) - 1) == 0 ? [.. bytes] : null;
    }

    /// <summary>As Crockford reads: case and gaps do not matter, I and L are 1, O is 0.</summary>
    private static string Plain(string text) =>
        string.Concat(text.Where(c => !IsGap(c)).Select(c => char.ToUpperInvariant(c) switch { 'I' or 'L' => '1', 'O' => '0', var digit => digit }));

    private static string LineCheck(int line, ReadOnlySpan<byte> part)
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData([(byte)(line >> 8), (byte)(line & 0xff), .. part], hash);
        return $"{Digits[hash[0] & 31]}{Digits[hash[1] & 31]}";
    }

    private static string Check(ReadOnlySpan<byte> bytes)
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(bytes, hash);
        return Convert.ToHexStringLower(hash[..4]);
    }

    private static TroubleException Refuse(string path, string why) => new($"recovery kit {path}", why, "compare it with the paper, line by line");
}
