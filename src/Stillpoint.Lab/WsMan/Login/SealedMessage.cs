using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Stillpoint.Lab;

/// <summary>A sealed message on the wire (MS-WSMV 2.2.9.1.1), as strictly as hosts read it: names letter by letter, a tab before each.</summary>
/// <param name="Length">Bytes in clear, by the first part.</param>
/// <param name="HeaderLength">Length of the seal's header.</param>
/// <param name="Content">The header and the sealed bytes.</param>
internal readonly record struct SealedMessage(int Length, int HeaderLength, ReadOnlyMemory<byte> Content)
{
    public const string SpnegoProtocol = "application/HTTP-SPNEGO-session-encrypted";
    public const string KerberosProtocol = "application/HTTP-Kerberos-session-encrypted";

    private const string Soap = "type=application/soap+xml;charset=UTF-8;Length=";
    private const string DataHead = "--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n";

    public static string TypeFor(string protocol) => $"multipart/encrypted;protocol=\"{protocol}\";boundary=\"Encrypted Boundary\"";

    /// <summary>Takes a body apart; null when a host would not.</summary>
    public static SealedMessage? Read(ReadOnlyMemory<byte> body, string protocol)
    {
        var head = $"--Encrypted Boundary\r\n\tContent-Type: {protocol}\r\n\tOriginalContent: {Soap}";
        var span = body.Span;
        if (!span.StartsWith(Encoding.ASCII.GetBytes(head))) return null;
        var at = head.Length;
        var line = span[at..].IndexOf("\r\n"u8);
        if (line is < 1 or > 9 || !int.TryParse(span.Slice(at, line), NumberStyles.None, CultureInfo.InvariantCulture, out var length)) return null;
        at += line + 2;
        if (!span[at..].StartsWith(Encoding.ASCII.GetBytes(DataHead)) || !span.EndsWith("--Encrypted Boundary--\r\n"u8)) return null;
        at += DataHead.Length;
        var content = body[at..^"--Encrypted Boundary--\r\n".Length];
        if (content.Length < 4) return null;
        var header = BinaryPrimitives.ReadUInt32LittleEndian(content.Span);
        return header > content.Length - 4 ? null : new SealedMessage(length, (int)header, content[4..]);
    }

    public static byte[] Write(string protocol, int length, byte[] header, byte[] data)
    {
        var size = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(size, header.Length);
        return
        [
            .. Encoding.ASCII.GetBytes($"--Encrypted Boundary\r\n\tContent-Type: {protocol}\r\n\tOriginalContent: {Soap}"
                + $"{length.ToString(CultureInfo.InvariantCulture)}\r\n{DataHead}"),
            .. size, .. header, .. data, .. "--Encrypted Boundary--\r\n"u8,
        ];
    }
}
