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
            else Replay(file, headers, changes, options.NewId!);
        }
        var regions = VhdxRegions.Load(file, header);
        var metadata = VhdxMetadata.Load(file, regions);
        BlockTableCheck.Run(file, header, regions, metadata);
        return new VhdxDisk(file, headers, regions, metadata, options.ReadOnly ? null : options.NewId);
    }

    private static void Replay(IDiskFile file, VhdxHeaders headers, LoggedChanges changes, Func<Guid> newId)
    {
        var zeros = new byte[64 << 10];
        if (changes.FileLength > file.Length) file.SetLength(changes.FileLength);
        foreach (var change in changes.Changes)
        {
            if (change.Page is { } page)
            {
                file.Write(change.FileOffset, page);
                continue;
            }
            for (long done = 0; done < change.Length;)
            {
                var n = (int)Math.Min(zeros.Length, change.Length - done);
                file.Write(change.FileOffset + done, zeros.AsSpan(0, n));
                done += n;
            }
        }
        file.Sync();
        headers.UpdateBoth(headers.Current with { LogId = Guid.Empty, FileWriteId = newId() });
    }
}
