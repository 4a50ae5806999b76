using System.Buffers.Binary;
using System.Text;

namespace Stillpoint.Lab;

/// <summary>Reads and writes NTLM messages (MS-NLMP 2.2.1). All input is a stranger's: every field is checked against the message's length.</summary>
internal static class NtlmMessage
{
    public const uint Unicode = 0x1;
    public const uint Oem = 0x2;
    public const uint RequestTarget = 0x4;
    public const uint Sign = 0x10;
    public const uint Seal = 0x20;
    public const uint Ntlm = 0x200;
    public const uint AlwaysSign = 0x8000;
    public const uint TargetTypeServer = 0x20000;
    public const uint ExtendedSecurity = 0x80000;
    public const uint TargetInfo = 0x800000;
    public const uint Version = 0x2000000;
    public const uint Bits128 = 0x20000000;
    public const uint KeyExchange = 0x40000000;
    public const uint Bits56 = 0x80000000;

    private const int ChallengeHead = 56;

    /// <summary>1 negotiate, 2 challenge, 3 authenticate; 0 for what is no NTLM.</summary>
    public static uint TypeOf(ReadOnlySpan<byte> message) =>
        message.Length >= 16 && message[..8].SequenceEqual("NTLMSSP\0"u8) ? BinaryPrimitives.ReadUInt32LittleEndian(message[8..]) : 0;

    public static uint NegotiateFlags(ReadOnlySpan<byte> message) => BinaryPrimitives.ReadUInt32LittleEndian(message[12..]);

    /// <summary>A challenge (2.2.1.2).</summary>
    public static byte[] Challenge(uint flags, ReadOnlySpan<byte> challenge, string target, ReadOnlySpan<byte> targetInfo)
    {
        var name = TextOf(flags).GetBytes(target);
        var message = new byte[ChallengeHead + name.Length + targetInfo.Length];
        var span = message.AsSpan();
        "NTLMSSP\0"u8.CopyTo(span);
        BinaryPrimitives.WriteUInt32LittleEndian(span[8..], 2);
        WriteField(span[12..], ChallengeHead, name.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(span[20..], flags);
        challenge.CopyTo(span[24..]);
        WriteField(span[40..], ChallengeHead + name.Length, targetInfo.Length);
        // Version: Windows 10.0 build 20348, NTLM revision 15 (2.2.2.10).
        ReadOnlySpan<byte> version = [10, 0, 0x7C, 0x4F, 0, 0, 0, 15];
        version.CopyTo(span[48..]);
        name.CopyTo(span[ChallengeHead..]);
        targetInfo.CopyTo(span[(ChallengeHead + name.Length)..]);
        return message;
    }

    /// <summary>How names are written under these flags; an old page of characters is read as Latin-1.</summary>
    public static Encoding TextOf(uint flags) => (flags & Unicode) != 0 ? Encoding.Unicode : Encoding.Latin1;

    /// <summary>A field of an authenticate message: offset of its head in the message. Null when it points outside.</summary>
    public static byte[]? Field(ReadOnlySpan<byte> message, int head)
    {
        if (message.Length < head + 8) return null;
        int length = BinaryPrimitives.ReadUInt16LittleEndian(message[head..]);
        var offset = BinaryPrimitives.ReadUInt32LittleEndian(message[(head + 4)..]);
        return offset <= message.Length && length <= message.Length - (int)offset ? message.Slice((int)offset, length).ToArray() : null;
    }

    /// <summary>The AV pairs of a target info (2.2.2.1); what is malformed ends the list.</summary>
    public static Dictionary<int, byte[]> Pairs(ReadOnlySpan<byte> info)
    {
        var pairs = new Dictionary<int, byte[]>();
        while (info.Length >= 4)
        {
            int id = BinaryPrimitives.ReadUInt16LittleEndian(info), length = BinaryPrimitives.ReadUInt16LittleEndian(info[2..]);
            if (id == 0 || length > info.Length - 4) break;
            pairs[id] = info.Slice(4, length).ToArray();
            info = info[(4 + length)..];
        }
        return pairs;
    }

    /// <summary>AV pairs with the end mark.</summary>
    public static byte[] WritePairs(params IEnumerable<(int Id, byte[] Value)> pairs)
    {
        var info = new List<byte>();
        foreach (var (id, value) in pairs.Append((0, [])))
        {
            var head = new byte[4];
            BinaryPrimitives.WriteUInt16LittleEndian(head, (ushort)id);
            BinaryPrimitives.WriteUInt16LittleEndian(head.AsSpan(2), (ushort)value.Length);
            info.AddRange(head);
            info.AddRange(value);
        }
        return [.. info];
    }

    private static void WriteField(Span<byte> at, int offset, int length)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(at, (ushort)length);
        BinaryPrimitives.WriteUInt16LittleEndian(at[2..], (ushort)length);
        BinaryPrimitives.WriteUInt32LittleEndian(at[4..], (uint)offset);
    }
}
