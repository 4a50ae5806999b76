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

    /// <summary>True for the names that mean a raw disk and nothing else: .raw and .img.</summary>
    internal static bool SaysRaw(string path) => Path.GetExtension(path).ToUpperInvariant() is ".RAW" or ".IMG";

    /// <summary>Makes a disk file, which must not be there yet, and opens it for writing.</summary>
    /// <exception cref="ForeignFormatException">The name ends as those of a format that is not written here.</exception>
    public static VirtualDisk Create(string path, DiskCreateOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (ForeignFormat.OfName(path) is { } foreign) throw new ForeignFormatException(path, foreign);
        if (options.Format != DiskFormat.Vhdx && options.LogicalSectorSize != 512)
        {
            throw new ArgumentException($"sectors of {options.LogicalSectorSize} bytes need a VHDX; raw files and VHDs have 512", nameof(options));
        }
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
                if (options.Length <= 0) throw new ArgumentException($"a size of {options.Length} bytes is no disk", nameof(options));
                return CreateRaw(path, options.Length);
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

    /// <summary>Writes <paramref name="source"/> to a new file, which gets its name when all is in it: a conversion that fails leaves nothing.</summary>
    /// <exception cref="IOException">A raw file of this name would be taken for another format by its content, as when a guest wrote a VHDX
    /// into its disk: only .raw and .img say enough.</exception>
    public static void Convert(VirtualDisk source, string path, DiskCreateOptions options, Action<long, long>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(options);
        PartialFile.Make(path, options.NewId, partial =>
        {
            using (var target = Create(partial, options)) DiskCopy.Run(source, target, progress, cancel);
            if (options.Format == DiskFormat.Raw) RefuseDisguise(partial, path);
            // Whoever cancelled while the last bytes were synced wants no file either.
            cancel.ThrowIfCancellationRequested();
        });
    }

    /// <summary>Makes a new file under another name and gives it its own at the end, so that what fails leaves nothing.</summary>
    /// <param name="path">The file; must not be there yet.</param>
    /// <param name="newId">For the name meanwhile.</param>
    /// <param name="create">Makes the file at the path that it is given, in the same folder.</param>
    /// <exception cref="ForeignFormatException">The name ends as those of a format that is not written here.</exception>
    public static void CreateWhole(string path, Func<Guid> newId, Func<string, VirtualDisk> create)
    {
        ArgumentNullException.ThrowIfNull(create);
        PartialFile.Make(path, newId, partial => create(partial).Dispose());
    }

    private static FlatDisk CreateRaw(string path, long length)
    {
        var file = HostFile.Create(path);
        try
        {
            file.SetLength(length);
            return FlatDisk.Raw(file, canWrite: true);
        }
        catch
        {
            file.Dispose();
            File.Delete(path);
            throw;
        }
    }

    private static void RefuseDisguise(string partial, string path)
    {
        using var file = HostFile.Open(partial, writable: false);
        if (SaysRaw(path) || FormatOfName(path) != DiskFormat.Raw) return;
        if ((DiskOpener.OfContent(file)?.ToString().ToUpperInvariant() ?? DiskOpener.ForeignOf(file)) is { } other)
        {
            throw new IOException($"{path}: what this disk holds looks like a {other} file, and by this name it would be taken for one. Name it .raw or .img.");
        }
    }
}
