namespace Stillpoint.VirtualDisks;

/// <summary>What a new disk shall be, whatever its format.</summary>
public sealed record DiskCreateOptions
{
    /// <summary>The file's format.</summary>
    public required DiskFormat Format { get; init; }

    /// <summary>Virtual size in bytes.</summary>
    public required long Length { get; init; }

    /// <summary>Fixed or dynamic; raw is always fixed.</summary>
    public DiskKind Kind { get; init; } = DiskKind.Dynamic;

    /// <summary>Bytes in a block; 0 for the format's default.</summary>
    public int BlockSize { get; init; }

    /// <summary>512 or 4096; VHDX only.</summary>
    public int LogicalSectorSize { get; init; } = 512;

    /// <summary>Where new identities come from.</summary>
    public required Func<Guid> NewId { get; init; }

    /// <summary>The clock.</summary>
    public required TimeProvider Time { get; init; }
}

/// <summary>Makes disks of any format, and turns one into another.</summary>
public static class DiskFile
{
    /// <summary>The format that a file's name means: .vhdx and .avhdx, .vhd and .avhd, else raw.</summary>
    public static DiskFormat FormatOfName(string path) => Path.GetExtension(path).ToUpperInvariant() switch
    {
        ".VHDX" or ".AVHDX" => DiskFormat.Vhdx,
        ".VHD" or ".AVHD" => DiskFormat.Vhd,
        _ => DiskFormat.Raw,
    };

    /// <summary>Makes a disk file, which must not be there yet, and opens it for writing.</summary>
    /// <exception cref="ForeignFormatException">The name ends as those of a format that is not written here.</exception>
    public static VirtualDisk Create(string path, DiskCreateOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (ForeignFormat.OfName(path) is { } foreign) throw new ForeignFormatException(path, foreign);
        switch (options.Format)
        {
            case DiskFormat.Vhdx:
                return VhdxDisk.Create(path, new VhdxCreateOptions
                {
                    Length = options.Length, Kind = options.Kind, BlockSize = options.BlockSize, LogicalSectorSize = options.LogicalSectorSize, NewId = options.NewId,
                });
            case DiskFormat.Vhd:
                return VhdFile.Create(path, new VhdCreateOptions
                {
                    Length = options.Length, Kind = options.Kind, BlockSize = options.BlockSize == 0 ? 2 << 20 : options.BlockSize, NewId = options.NewId, Time = options.Time,
                });
            default:
                ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.Length);
                var file = HostFile.Create(path);
                file.SetLength(options.Length);
                return FlatDisk.Raw(file, canWrite: true);
        }
    }

    /// <summary>
    /// Writes all that a differencing file holds into its parent, which then reads as the child did. Neither may be open elsewhere. May be
    /// interrupted at any point and called again: the child stays whole and keeps opening over the half-merged parent. The child's file is left.
    /// </summary>
    /// <exception cref="ArgumentException">The file is no differencing disk.</exception>
    /// <exception cref="DiskFormatException">A file is damaged or the parent is not the child's.</exception>
    public static void MergeIntoParent(string childPath, VhdxMergeOptions options, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        DiskFormat format;
        using (var child = VirtualDisk.Open(childPath, new DiskOpenOptions { WithoutParent = true, Files = options.Files })) format = child.Format;
        if (format == DiskFormat.Vhdx) VhdxMerge.Run(childPath, options, cancel);
        else VhdMerge.Run(childPath, options, cancel);
    }

    /// <summary>Writes <paramref name="source"/> to a new file. A file that was not finished is removed.</summary>
    public static void Convert(VirtualDisk source, string path, DiskCreateOptions options, Action<long, long>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(source);
        var target = Create(path, options);
        var done = false;
        try
        {
            DiskCopy.Run(source, target, progress, cancel);
            done = true;
        }
        finally
        {
            target.Dispose();
            if (!done) File.Delete(path);
        }
    }
}
