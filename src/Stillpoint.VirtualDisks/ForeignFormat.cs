namespace Stillpoint.VirtualDisks;

/// <summary>Disk formats of others, known well enough not to take their files for raw disks: a backup of the container's bytes is of no use
/// as a disk.</summary>
public static class ForeignFormat
{
    /// <summary>Bytes of a file's start that are looked at.</summary>
    internal const int StartSize = 0x44;

    /// <summary>The format that a file's name means; null when it is none of them.</summary>
    public static string? OfName(string path) => Path.GetExtension(path).ToUpperInvariant() switch
    {
        ".QCOW2" or ".QCOW" => "QCOW2",
        ".VMDK" => "VMDK",
        ".VDI" => "VDI",
        _ => null,
    };

    /// <summary>The format that a file's start shows; null when it is none of them.</summary>
    /// <remarks>QCOW2: "QFI\xfb" (QEMU docs/interop/qcow2, "Header"). VMDK: "KDMV", or a text descriptor (VMware Virtual Disk Format 5.0).
    /// VDI: 0xBEDA107F, little-endian, at 0x40 (VirtualBox VDICore.h, VDI_IMAGE_SIGNATURE).</remarks>
    internal static string? OfStart(ReadOnlySpan<byte> start)
    {
        if (start.StartsWith((ReadOnlySpan<byte>)[(byte)'Q', (byte)'F', (byte)'I', 0xfb])) return "QCOW2";
        if (start.StartsWith("KDMV"u8) || start.StartsWith("# Disk DescriptorFile"u8)) return "VMDK";
        return start.Length >= StartSize && start[0x40..].StartsWith((ReadOnlySpan<byte>)[0x7f, 0x10, 0xda, 0xbe]) ? "VDI" : null;
    }
}
