using System.Text;
using Stillpoint.Durable;

namespace Stillpoint.VirtualDisks;

/// <summary>Writes a new VHD file: copy of the footer, header, table, locator texts, footer.</summary>
internal static class VhdCreation
{
    private const long TableOffset = VhdFooter.Size + VhdHeader.Size;

    internal static VirtualDisk Create(string path, VhdCreateOptions options)
    {
        using var parent = OpenParent(options);
        var length = options.Length == 0 && parent is not null ? parent.Length : options.Length;
        if (length is <= 0 or > VhdFooter.LargestDisk || length % 512 != 0) throw new ArgumentException($"a size of {length} bytes is not whole sectors up to 2040 GiB", nameof(options));
        if (options.BlockSize is not (512 << 10 or 2 << 20)) throw new ArgumentException("a VHD has blocks of 512 KiB or 2 MiB", nameof(options));
        var footer = new VhdFooter
        {
            Type = options.Kind switch { DiskKind.Fixed => VhdFooter.TypeFixed, DiskKind.Dynamic => VhdFooter.TypeDynamic, _ => VhdFooter.TypeDifferencing },
            DataOffset = options.Kind == DiskKind.Fixed ? VhdHeader.Nowhere : VhdFooter.Size,
            Timestamp = VhdFooter.SecondsSince2000(options.Time.GetUtcNow()),
            Creator = "win ",
            OriginalSize = length,
            CurrentSize = length,
            Geometry = VhdFooter.GeometryOf(length),
            UniqueId = options.NewId(),
        };
        var file = options.Files.Create(path);
        try
        {
            if (options.Kind == DiskKind.Fixed) file.Write(length, footer.ToBytes());
            else WriteStructures(path, file, footer, options, parent);
            file.Sync();
            DurableFile.SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            var disk = VhdOpening.Open(file, new DiskOpenOptions { ReadOnly = false });
            if (disk is IDifferencing child) child.AdoptParent(OpenParent(options));
            return disk;
        }
        catch
        {
            file.Dispose();
            File.Delete(path);
            throw;
        }
    }

    private static void WriteStructures(string path, IDiskFile file, VhdFooter footer, VhdCreateOptions options, VirtualDisk? parent)
    {
        var entries = (int)((footer.CurrentSize + options.BlockSize - 1) / options.BlockSize);
        var tableLength = (int)VhdxLayout.RoundUp(entries * 4L, 512);
        var header = new VhdHeader { TableOffset = TableOffset, TableEntries = entries, BlockSize = options.BlockSize };
        var end = TableOffset + tableLength;
        if (parent is not null)
        {
            var paths = VhdxCreation.LocatorOf(path, parent, options.ParentPaths);
            var locators = new List<(string, long, int)>();
            foreach (var (code, text) in new[] { ("W2ru", paths.RelativePath), ("W2ku", paths.AbsolutePath) })
            {
                if (text is null) continue;
                var bytes = Encoding.Unicode.GetBytes(text);
                file.Write(end, bytes);
                locators.Add((code, end, bytes.Length));
                end += VhdxLayout.RoundUp(bytes.Length, 512);
            }
            header = header with
            {
                ParentId = parent.WriteId!.Value,
                ParentTimestamp = VhdFooter.SecondsSince2000(File.GetLastWriteTimeUtc(parent.Path)),
                ParentName = Path.GetFileName(parent.Path),
                Locators = locators,
            };
        }
        var absent = new byte[Math.Min(tableLength, 64 << 10)];
        absent.AsSpan().Fill(0xFF);
        file.Write(0, footer.ToBytes());
        file.Write(VhdFooter.Size, header.ToBytes());
        for (var at = 0; at < tableLength; at += absent.Length) file.Write(TableOffset + at, absent.AsSpan(0, Math.Min(absent.Length, tableLength - at)));
        file.Write(end, footer.ToBytes());
    }

    private static VirtualDisk? OpenParent(VhdCreateOptions options)
    {
        if ((options.Kind == DiskKind.Differencing) != (options.Parent is not null)) throw new ArgumentException("a differencing disk, and only that, has a parent", nameof(options));
        if (options.Parent is null) return null;
        var parent = VirtualDisk.Open(options.Parent, new DiskOpenOptions { ResolveParent = options.ResolveParent, Files = options.Files });
        if (parent.Format == DiskFormat.Vhd) return parent;
        parent.Dispose();
        throw new ArgumentException($"{options.Parent} is {parent.Format}; the parent of a VHD is a VHD", nameof(options));
    }
}
