namespace Stillpoint.VirtualDisks;

/// <summary>Kinds of file systems by the signatures of their first blocks.</summary>
internal static class FileSystems
{
    private const int BtrfsSignature = 0x10040;

    internal static string? Recognise(VirtualDisk disk, long offset, long length)
    {
        var bytes = new byte[(int)Math.Clamp(length, 0, BtrfsSignature + 8)];
        disk.ReadOrZero(offset, bytes);
        bool Has(int at, ReadOnlySpan<byte> signature) => bytes.Length >= at + signature.Length && bytes.AsSpan(at, signature.Length).SequenceEqual(signature);
        if (Has(3, "NTFS    "u8)) return "ntfs";
        if (Has(3, "-FVE-FS-"u8)) return "bitlocker";
        if (Has(3, "ReFS\0\0\0\0"u8)) return "refs";
        if (Has(3, "EXFAT   "u8)) return "exfat";
        if (Has(510, [0x55, 0xAA]) && (Has(82, "FAT32   "u8) || Has(54, "FAT16   "u8) || Has(54, "FAT12   "u8))) return "fat";
        if (Has(0, "XFSB"u8)) return "xfs";
        if (Has(1080, [0x53, 0xEF])) return "ext";
        if (Has(BtrfsSignature, "_BHRfS_M"u8)) return "btrfs";
        if (Has(4086, "SWAPSPACE2"u8)) return "swap";
        return Has(512, "LABELONE"u8) ? "lvm" : null;
    }
}
