using System.Diagnostics.CodeAnalysis;

namespace Stillpoint.VirtualDisks;

/// <summary>
/// A VHDX file (MS-VHDX). Metadata changes are kept in memory until <see cref="Flush"/>, or until many are pending, and go through the log;
/// so a crash leaves the file as it was at the last of these, and it opens.
/// </summary>
public sealed partial class VhdxDisk : VirtualDisk, IDifferencing
{
    /// <summary>Changed metadata pages that make a commit due: 4 MiB of memory.</summary>
    private const int MostPending = 8 * VhdxLog.MostPagesInEntry;

    /// <summary>So many blocks side by side are one run of a map, so that a walk can be stopped.</summary>
    private const int MostBlocksInRun = 1 << 16;

    private readonly Lock _gate = new();
    private readonly IDiskFile _file;
    private readonly VhdxHeaders _headers;
    private readonly VhdxLog? _log;
    private readonly Func<Guid>? _newId;
    private VhdxRegions _regions;
    private VhdxMetadata _metadata;
    private BlockTable _table;
    private SectorBitmaps _bitmaps;
    private VirtualDisk? _parent;
    private volatile bool _writeIdIsNew;
    private bool _disposed;

    internal VhdxDisk(IDiskFile file, VhdxHeaders headers, VhdxRegions regions, VhdxMetadata metadata, Func<Guid>? newId)
    {
        _file = file;
        _headers = headers;
        _newId = newId;
        _log = newId is null ? null : new VhdxLog(file, headers, newId);
        Use(regions, metadata);
    }

    /// <inheritdoc/>
    public override long Length => _metadata.Length;

    /// <inheritdoc/>
    public override int LogicalSectorSize => _metadata.LogicalSectorSize;

    /// <inheritdoc/>
    public override int PhysicalSectorSize => _metadata.PhysicalSectorSize;

    /// <inheritdoc/>
    public override long BlockSize => _metadata.BlockSize;

    /// <inheritdoc/>
    public override DiskFormat Format => DiskFormat.Vhdx;

    /// <inheritdoc/>
    public override DiskKind Kind => _metadata.HasParent ? DiskKind.Differencing : _metadata.LeaveAllocated ? DiskKind.Fixed : DiskKind.Dynamic;

    /// <inheritdoc/>
    public override string Path => _file.Path;

    /// <inheritdoc/>
    public override VirtualDisk? Parent => _parent;

    /// <inheritdoc/>
    public override bool CanWrite => _log is not null;

    /// <inheritdoc/>
    public override Guid? VirtualDiskId => _metadata.VirtualDiskId;

    /// <summary>DataWriteGuid: new when a file that was opened for writing is first written.</summary>
    public override Guid? WriteId => _headers.Current.DataWriteId;

    /// <summary>What the file says of its parent; null when it has none.</summary>
    public ParentLocator? Locator => _metadata.Locator;

    void IDifferencing.AdoptParent(VirtualDisk? parent) => _parent = parent;

    internal void AdoptParent(VirtualDisk? parent) => _parent = parent;

    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> buffer)
    {
        CheckRange(offset, buffer.Length);
        long runStart = -1;
        var runLength = 0;
        var done = 0;
        while (done < buffer.Length)
        {
            var block = (offset + done) / _metadata.BlockSize;
            var within = (int)((offset + done) % _metadata.BlockSize);
            var n = Math.Min(_metadata.BlockSize - within, buffer.Length - done);
            var entry = _table.Payload(block);
            var full = entry.State == BlockState.FullyPresent;
            // Blocks that lie side by side in the file are read in one call.
            if (runLength > 0 && !(full && entry.FileOffset + within == runStart + runLength))
            {
                _file.Read(runStart, buffer.Slice(done - runLength, runLength));
                runLength = 0;
            }
            if (full)
            {
                if (runLength == 0) runStart = entry.FileOffset + within;
                runLength += n;
            }
            else
            {
                ReadOther(entry, block, within, buffer.Slice(done, n));
            }
            done += n;
        }
        if (runLength > 0) _file.Read(runStart, buffer.Slice(done - runLength, runLength));
    }

    /// <inheritdoc/>
    public override void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        CheckWritable();
        CheckRange(offset, bytes.Length);
        if (bytes.IsEmpty) return;
        RenewWriteId();
        long runStart = -1;
        var runLength = 0;
        var done = 0;
        while (done < bytes.Length)
        {
            var block = (offset + done) / _metadata.BlockSize;
            var within = (int)((offset + done) % _metadata.BlockSize);
            var n = Math.Min(_metadata.BlockSize - within, bytes.Length - done);
            var target = PlaceOfWholeBlock(block);
            if (runLength > 0 && target + within != runStart + runLength)
            {
                _file.Write(runStart, bytes.Slice(done - runLength, runLength));
                runLength = 0;
            }
            if (target > 0)
            {
                if (runLength == 0) runStart = target + within;
                runLength += n;
            }
            else
            {
                WriteOverParent(block, within, bytes.Slice(done, n));
            }
            done += n;
        }
        if (runLength > 0) _file.Write(runStart, bytes.Slice(done - runLength, runLength));
        if (_log!.Pending >= MostPending) Flush();
    }

    /// <inheritdoc/>
    public override void Zero(long offset, long length)
    {
        CheckWritable();
        CheckRange(offset, length);
        if (length == 0) return;
        RenewWriteId();
        while (length > 0)
        {
            var block = offset / _metadata.BlockSize;
            var within = offset % _metadata.BlockSize;
            var n = Math.Min(_metadata.BlockSize - within, length);
            var whole = within == 0 && (n == _metadata.BlockSize || offset + n == Length);
            ZeroInBlock(block, within, n, whole);
            offset += n;
            length -= n;
        }
        if (_log!.Pending >= MostPending) Flush();
    }

    /// <inheritdoc/>
    public override void Flush()
    {
        CheckWritable();
        lock (_gate) _log!.Commit();
    }

    internal override void StartFlush() => _file.StartSync();

    internal override IEnumerable<OwnRun> OwnRuns(long from, long to)
    {
        var window = CanWrite ? null : _table.NewWindow();
        BatEntry At(long block) => window is null ? _table.Payload(block) : _table.Payload(block, window);
        while (from < to)
        {
            var block = from / _metadata.BlockSize;
            var empty = _table.EmptyBlocksFrom(block);
            if (empty > 0)
            {
                var until = Math.Min(to, (block + empty) * _metadata.BlockSize);
                yield return new OwnRun(from, until - from, _metadata.HasParent ? RunState.Absent : RunState.Zero);
                from = until;
                continue;
            }
            var end = Math.Min(to, (block + 1) * _metadata.BlockSize);
            var entry = At(block);
            switch (entry.State)
            {
                case BlockState.FullyPresent:
                    var payload = entry.FileOffset + (from - (block * _metadata.BlockSize));
                    // Blocks that lie side by side in the file are asked for holes in one go.
                    for (var next = block + 1; end < to && next - block < MostBlocksInRun; next++)
                    {
                        if (At(next) != new BatEntry(BlockState.FullyPresent, entry.FileOffset + ((next - block) * _metadata.BlockSize))) break;
                        end = Math.Min(to, (next + 1) * _metadata.BlockSize);
                    }
                    foreach (var run in HoleRuns.Split(_file, from, payload, end - from)) yield return run;
                    break;
                case BlockState.PartiallyPresent:
                    foreach (var run in PartialRuns(block, from, end)) yield return run;
                    break;
                case BlockState.NotPresent when _metadata.HasParent:
                    yield return new OwnRun(from, end - from, RunState.Absent);
                    break;
                default:
                    yield return new OwnRun(from, end - from, RunState.Zero);
                    break;
            }
            from = end;
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (_disposed) return;
        _disposed = true;
        try
        {
            lock (_gate) _log?.Close();
        }
        finally
        {
            _file.Dispose();
            _parent?.Dispose();
        }
    }

    [MemberNotNull(nameof(_regions), nameof(_metadata), nameof(_table), nameof(_bitmaps))]
    private void Use(VhdxRegions regions, VhdxMetadata metadata)
    {
        _regions = regions;
        _metadata = metadata;
        _table = new BlockTable(_file, _log, regions, metadata);
        _bitmaps = new SectorBitmaps(_file, _log, metadata, _table);
    }

    private IEnumerable<OwnRun> PartialRuns(long block, long from, long end)
    {
        var start = block * _metadata.BlockSize;
        while (from < end)
        {
            var sector = (int)((from - start) / _metadata.LogicalSectorSize);
            var (count, here) = _bitmaps.Run(block, sector, _metadata.SectorsPerBlock);
            var until = Math.Min(end, start + ((long)(sector + count) * _metadata.LogicalSectorSize));
            yield return new OwnRun(from, until - from, here ? RunState.Here : RunState.Absent);
            from = until;
        }
    }

    private void ReadOther(BatEntry entry, long block, int within, Span<byte> buffer)
    {
        if (entry.State == BlockState.PartiallyPresent)
        {
            ReadPartial(entry, block, within, buffer);
        }
        else if (entry.State == BlockState.NotPresent && _metadata.HasParent)
        {
            ReadParent((block * _metadata.BlockSize) + within, buffer);
        }
        else
        {
            buffer.Clear();
        }
    }

    private void ReadPartial(BatEntry entry, long block, int within, Span<byte> buffer)
    {
        var done = 0;
        while (done < buffer.Length)
        {
            var sector = (within + done) / _metadata.LogicalSectorSize;
            var lastSector = (within + buffer.Length + _metadata.LogicalSectorSize - 1) / _metadata.LogicalSectorSize;
            var (count, here) = _bitmaps.Run(block, sector, lastSector);
            var n = Math.Min(((sector + count) * _metadata.LogicalSectorSize) - (within + done), buffer.Length - done);
            var piece = buffer.Slice(done, n);
            if (here) _file.Read(entry.FileOffset + within + done, piece);
            else ReadParent((block * _metadata.BlockSize) + within + done, piece);
            done += n;
        }
    }

    private void ReadParent(long offset, Span<byte> buffer)
    {
        if (_parent is null) throw new InvalidOperationException($"{Path} was opened without its parent, which holds these bytes.");
        _parent.ReadOrZero(offset, buffer);
    }
}
