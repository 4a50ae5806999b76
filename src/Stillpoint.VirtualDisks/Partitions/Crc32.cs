namespace Stillpoint.VirtualDisks;

/// <summary>CRC-32 (ISO 3309, reflected 0xEDB88320), as GPT uses it. This library takes no packages, and the runtime has it only in one.</summary>
internal static class Crc32
{
    internal static uint Of(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var b in bytes)
        {
            crc ^= b;
            for (var i = 0; i < 8; i++) crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320);
        }
        return ~crc;
    }
}
