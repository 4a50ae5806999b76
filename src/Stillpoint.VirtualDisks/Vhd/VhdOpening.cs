namespace Stillpoint.VirtualDisks;

/// <summary>Opens one VHD file.</summary>
internal static class VhdOpening
{
    internal static VirtualDisk Open(IDiskFile file, DiskOpenOptions options)
    {
        if (file.Length < VhdFooter.Size) throw new DiskFormatException(file.Path, "footer", 0, $"a file of {file.Length} bytes has no room for it");
        var footer = VhdFooter.Load(file);
        if (footer.Type == VhdFooter.TypeFixed)
        {
            if (footer.DiskLength > file.Length - VhdFooter.Size + 1) throw new DiskFormatException(file.Path, "footer", file.Length - VhdFooter.Size, $"says {footer.DiskLength} bytes, more than the file has");
            return FlatDisk.FixedVhd(file, !options.ReadOnly, footer);
        }
        // A change of size may have reached one footer only; the one that counts now shall be the one that counts after a crash.
        if (!options.ReadOnly && VhdFooter.At(file, 0) != footer)
        {
            file.Write(0, footer.ToBytes());
            file.Sync();
        }
        return new VhdDisk(file, footer, VhdHeader.Load(file, footer), !options.ReadOnly);
    }
}
