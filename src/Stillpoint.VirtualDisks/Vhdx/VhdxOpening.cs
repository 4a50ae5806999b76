namespace Stillpoint.VirtualDisks;

/// <summary>Opens one VHDX file: headers, log, regions, metadata, and a look at the whole BAT.</summary>
internal static class VhdxOpening
{
    internal static VhdxDisk Open(IDiskFile file, DiskOpenOptions options)
    {
        if (!options.ReadOnly && options.NewId is null) throw new ArgumentException("a VHDX needs NewId to be opened for writing", nameof(options));
        if (file.Length > VhdxLayout.LongestFile) throw new DiskFormatException(file.Path, "file", 0, $"has {file.Length} bytes, more than a VHDX can need");
        var headers = VhdxHeaders.Load(file);
        var header = headers.Current;
        if (header.LogOffset + header.LogLength > file.Length) throw new DiskFormatException(file.Path, "header", 0, "puts the log past the end of the file");
        if (header.LogId != Guid.Empty)
        {
            var changes = VhdxLogReader.Read(file, header);
            if (options.ReadOnly) file = new ReplayedFile(file, changes);
            else Replay(file, headers, changes, options);
        }
        var regions = VhdxRegions.Load(file, header);
        var metadata = VhdxMetadata.Load(file, regions);
        BlockTableCheck.Run(file, header, regions, metadata);
        return new VhdxDisk(file, headers, regions, metadata, options.ReadOnly ? null : options.NewId);
    }

    /// <summary>Writes what the log asks for. Zeros only where there is data: so the work is bounded by what the file holds, whatever lengths
    /// the log names, and a hole stays a hole.</summary>
    private static void Replay(IDiskFile file, VhdxHeaders headers, LoggedChanges changes, DiskOpenOptions options)
    {
        var zeros = new byte[1 << 20];
        if (changes.FileLength > file.Length) file.SetLength(changes.FileLength);
        foreach (var extent in changes.Zeros)
        {
            foreach (var run in HoleRuns.Split(file, extent.Offset, extent.Offset, Math.Min(extent.End, file.Length) - extent.Offset))
            {
                if (run.State != RunState.Here) continue;
                for (long done = 0; done < run.Length; done += zeros.Length)
                {
                    options.Cancel.ThrowIfCancellationRequested();
                    file.Write(run.Offset + done, zeros.AsSpan(0, (int)Math.Min(zeros.Length, run.Length - done)));
                }
            }
        }
        foreach (var place in changes.Places)
        {
            options.Cancel.ThrowIfCancellationRequested();
            file.Write(place, changes.Page(place));
        }
        file.Sync();
        headers.UpdateBoth(headers.Current with { LogId = Guid.Empty, FileWriteId = options.NewId!() });
    }
}
