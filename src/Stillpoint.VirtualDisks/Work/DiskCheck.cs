namespace Stillpoint.VirtualDisks;

/// <summary>Looks for what is wrong with a disk's files, and puts in order what can be put in order without guessing.</summary>
public static class DiskCheck
{
    private const long Stretch = 16L << 30;

    /// <summary>Checks a file and the chain below it; writes nothing.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">How to open it.</param>
    /// <param name="progress">Told the bytes of the disk that are done and the size.</param>
    /// <param name="cancel">Stops between two stretches of the disk.</param>
    /// <exception cref="IOException">A file cannot be opened.</exception>
    public static IReadOnlyList<DiskFinding> Run(string path, DiskOpenOptions options, Action<long, long>? progress = null, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var findings = new List<DiskFinding>();
        try
        {
            using var disk = VirtualDisk.Open(path, options with { ReadOnly = true });
            foreach (var file in disk.Chain) Copies(file.Path, file.Format, options, findings);
            // Bitmaps are looked at only when a block is read: walk them all.
            for (long at = 0; at < disk.Length; at += Stretch)
            {
                cancel.ThrowIfCancellationRequested();
                foreach (var run in disk.Map(at, Math.Min(disk.Length, at + Stretch))) _ = run;
                progress?.Invoke(Math.Min(disk.Length, at + Stretch), disk.Length);
            }
        }
        catch (DiskFormatException e)
        {
            findings.Add(new DiskFinding(FindingKind.Damage, e.Path, e.Structure, e.Offset, e.Problem));
        }
        return findings;
    }

    /// <summary>Replays a log, writes damaged copies of headers and footers anew. Does nothing to a file that cannot be read.</summary>
    /// <param name="path">The file; its parents are not touched.</param>
    /// <param name="newId">Where new identities come from.</param>
    /// <param name="format">What the file is, where its name says otherwise.</param>
    public static void Repair(string path, Func<Guid> newId, DiskFormat? format = null)
    {
        using var disk = VirtualDisk.Open(path, new DiskOpenOptions { ReadOnly = false, NewId = newId, WithoutParent = true, Format = format });
        if (disk is VhdxDisk vhdx) vhdx.RewriteCopies();
        if (disk is VhdDisk vhd) vhd.RewriteFooters();
    }

    private static void Copies(string path, DiskFormat format, DiskOpenOptions options, List<DiskFinding> findings)
    {
        using var file = options.Files.Open(path, writable: false);
        if (format == DiskFormat.Vhdx) VhdxCopies(file, findings);
        if (format == DiskFormat.Vhd) VhdCopies(file, findings);
    }

    private static void VhdxCopies(IDiskFile file, List<DiskFinding> findings)
    {
        void Found(FindingKind kind, string structure, long offset, string text) => findings.Add(new(kind, file.Path, structure, offset, text));
        var bytes = new byte[VhdxLayout.HeaderSize];
        foreach (var at in VhdxLayout.HeaderOffsets)
        {
            file.Read(at, bytes);
            if (VhdxHeader.Parse(bytes, file.Path, at) is null) Found(FindingKind.Repairable, "header", at, "this copy is damaged; the other is used");
        }
        if (VhdxHeaders.Load(file).Current is { LogId: var id, LogOffset: var log } && id != Guid.Empty)
        {
            Found(FindingKind.Repairable, "log", log, "holds changes that are not in place yet: the file was not closed");
        }
        foreach (var at in VhdxLayout.RegionTableOffsets)
        {
            if (!VhdxRegions.IsSound(file, at)) Found(FindingKind.Repairable, "region table", at, "this copy is damaged; the other is used");
        }
    }

    private static void VhdCopies(IDiskFile file, List<DiskFinding> findings)
    {
        var footer = VhdFooter.Load(file);
        var end = file.Length - VhdFooter.Size;
        if (VhdFooter.At(file, end) is null)
        {
            findings.Add(new(FindingKind.Repairable, file.Path, "footer", end, "is missing or damaged at the end of the file; a copy is used"));
        }
        if (footer.Type != VhdFooter.TypeFixed && VhdFooter.At(file, 0) is null)
        {
            findings.Add(new(FindingKind.Repairable, file.Path, "footer", 0, "its copy at the start of the file is damaged"));
        }
    }
}
