using System.Buffers.Binary;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;

namespace Stillpoint.HyperV;

/// <summary>
/// A sealed message as it travels over HTTP ([MS-WSMV] 2.2.9.1): two parts, the first says what is inside, the second holds the length of the
/// seal's header (32 bits, little-endian), the header, and the sealed bytes. Hosts insist on the tab before each part's headers.
/// </summary>
internal static class SealedBody
{
    public const string Type = $"multipart/encrypted;protocol=\"{Protocol}\";boundary=\"Encrypted Boundary\"";
    private const string Protocol = "application/HTTP-SPNEGO-session-encrypted";
    private const int LongestHead = 1024;

    private static ReadOnlySpan<byte> DataHead => "Content-Type: application/octet-stream\r\n"u8;

    /// <param name="length">Bytes in clear.</param>
    /// <param name="header">The seal's header.</param>
    /// <param name="data">The sealed bytes.</param>
    public static byte[] Write(int length, ReadOnlySpan<byte> header, ReadOnlySpan<byte> data)
    {
        var size = length.ToString(CultureInfo.InvariantCulture);
        var head = Encoding.ASCII.GetBytes($"--Encrypted Boundary\r\n\tContent-Type: {Protocol}\r\n"
            + $"\tOriginalContent: type={HeaderLogin.SoapType};Length={size}\r\n"
            + "--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n");
        var headerLength = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(headerLength, header.Length);
        return [.. head, .. headerLength, .. header, .. data, .. "--Encrypted Boundary--\r\n"u8];
    }

    /// <summary>Takes a body apart.</summary>
    /// <param name="body">The whole body.</param>
    /// <param name="length">Bytes in clear, as the first part says.</param>
    /// <param name="charset">Character set of what is inside; null for none.</param>
    /// <returns>The seal's header and the sealed bytes, one behind the other.</returns>
    /// <exception cref="InvalidAnswerException">It has another form.</exception>
    public static ReadOnlySpan<byte> Read(ReadOnlySpan<byte> body, out int length, out string? charset)
    {
        var at = body[..Math.Min(body.Length, LongestHead)].IndexOf(DataHead);
        if (at < 0) throw new InvalidAnswerException("a sealed answer has no sealed part");
        ReadHead(Encoding.ASCII.GetString(body[..at]), out length, out charset);
        var rest = body[(at + DataHead.Length)..];
        // Some write "-- Encrypted Boundary". The sealed bytes can hold anything, so the end is looked for from behind.
        var end = rest.LastIndexOf("Encrypted Boundary--"u8);
        if (end > 0 && rest[end - 1] == ' ') end--;
        if (end < 6 || !rest[(end - 2)..end].SequenceEqual("--"u8)) throw new InvalidAnswerException("a sealed answer is cut off");
        var content = rest[..(end - 2)];
        var headerLength = BinaryPrimitives.ReadUInt32LittleEndian(content);
        if (headerLength > content.Length - 4) throw new InvalidAnswerException("the header of a sealed answer is longer than the answer");
        return content[4..];
    }

    private static void ReadHead(string head, out int length, out string? charset)
    {
        const string field = "OriginalContent:";
        var start = head.IndexOf(field, StringComparison.OrdinalIgnoreCase);
        var line = start < 0 ? "" : head[(start + field.Length)..].Split("\r\n")[0].Trim();
        // type=application/soap+xml;charset=UTF-8;Length=123
        if (!line.StartsWith("type=", StringComparison.OrdinalIgnoreCase) || !MediaTypeHeaderValue.TryParse(line[5..], out var type))
            throw new InvalidAnswerException("a sealed answer does not say what is in it");
        var size = type.Parameters.FirstOrDefault(p => p.Name.Equals("Length", StringComparison.OrdinalIgnoreCase))?.Value;
        if (!int.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out length))
            throw new InvalidAnswerException("a sealed answer does not say how long it is");
        charset = type.CharSet;
    }
}
