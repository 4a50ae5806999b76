namespace Stillpoint.VirtualDisks;

/// <summary>
/// A dynamic or differencing VHD. The format has no log; so the order of writes keeps it whole: bytes and bitmaps of a block first, a sync,
/// then the table entries, each within one sector. The footer at the end may be missing after a crash: its copy at the start counts then.
/// </summary>
internal sealed partial class VhdDisk : VirtualDisk, IDifferencing
{
    private const int MostBitmaps = 4096;
    private const int Sector = 512;
    private static readonly byte[] Zeros = new byte[1 << 20];
    private readonly Lock _gate = new();
    private readonly IDiskFile _file;
    private VhdFooter _footer;
    private VhdHeader _header;
    private VhdTable _table;
    private long _length;
    private readonly Dictionary<long, byte[]> _bitmaps = [];
    private readonly HashSet<long> _dirtyBitmaps = [];
    private bool _footerMoved;
    private bool _disposed;
    private VirtualDisk? _parent;

    internal VhdDisk(IDiskFile file, VhdFooter footer, VhdHeader header, bool canWrite)
    {
        _file = file;
        _footer = footer;
        _header = header;
        _table = VhdTable.Load(file, footer, header);
        _length = footer.DiskLength;
        CanWrite = canWrite;
        Locator = footer.Type == VhdFooter.TypeDifferencing ? header.LoadLocator(file) : null;
    }

    public override long Length => _length;
    public override int LogicalSectorSize => Sector;
    public override int PhysicalSectorSize => Sector;
    public override long BlockSize => _header.BlockSize;
    public override DiskFormat Format => DiskFormat.Vhd;
    public override DiskKind Kind => Locator is null ? DiskKind.Dynamic : DiskKind.Differencing;
    public override string Path => _file.Path;
    public override VirtualDisk? Parent => _parent;
    public override bool CanWrite { get; }
    public override Guid? WriteId => _footer.UniqueId;
    public ParentLocator? Locator { get; }

    public void AdoptParent(VirtualDisk? parent) => _parent = parent;

    public override void Read(long offset, Span<byte> buffer)
    {
        CheckRange(offset, buffer.Length);
        while (buffer.Length > 0)
        {
            var (block, within) = Math.DivRem(offset, _header.BlockSize);
            var n = (int)Math.Min(_header.BlockSize - within, buffer.Length);
            ReadInBlock(block, (int)within, buffer[..n]);
            offset += n;
            buffer = buffer[n..];
        }
    }

    public override void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        CheckWritable();
        CheckRange(offset, bytes.Length);
        while (bytes.Length > 0)
        {
            var (block, within) = Math.DivRem(offset, _header.BlockSize);
            var n = (int)Math.Min(_header.BlockSize - within, bytes.Length);
            if (Locator is null) _file.Write(Place(block) + _header.BitmapSize + within, bytes[..n]);
            else WriteOverParent(block, (int)within, bytes[..n]);
            offset += n;
            bytes = bytes[n..];
        }
        if (_dirtyBitmaps.Count >= MostBitmaps / 2) Flush();
    }

    public override void Zero(long offset, long length)
    {
        CheckWritable();
        CheckRange(offset, length);
        while (length > 0)
        {
            var (block, within) = Math.DivRem(offset, _header.BlockSize);
            var n = Math.Min(_header.BlockSize - within, length);
            lock (_gate)
            {
                if (Locator is null && _table[block] >= 0 && within == 0 && (n == _header.BlockSize || offset + n == Length)) _table.Set(block, -1);
            }
            if (Locator is not null || _table[block] >= 0)
            {
                for (long done = 0; done < n; done += Zeros.Length) Write(offset + done, Zeros.AsSpan(0, (int)Math.Min(Zeros.Length, n - done)));
            }
            offset += n;
            length -= n;
        }
    }

    public override void Flush()
    {
        CheckWritable();
        lock (_gate)
        {
            if (_footerMoved)
            {
                _file.Write(_table.End, _footer.ToBytes());
                if (_file.Length > _table.End + VhdFooter.Size) _file.SetLength(_table.End + VhdFooter.Size);
                _footerMoved = false;
            }
            _file.Sync();
            if (_dirtyBitmaps.Count == 0 && !_table.IsDirty) return;
            foreach (var block in _dirtyBitmaps) _file.Write(_table[block], _bitmaps[block]);
            if (_dirtyBitmaps.Count > 0 && _table.IsDirty) _file.Sync();
            _dirtyBitmaps.Clear();
            _table.Save();
            _file.Sync();
            if (_bitmaps.Count > MostBitmaps) _bitmaps.Clear();
        }
    }

    internal override void StartFlush() => _file.StartSync();

    internal override IEnumerable<OwnRun> OwnRuns(long from, long to)
    {
        while (from < to)
        {
            var (block, within) = Math.DivRem(from, _header.BlockSize);
            var end = Math.Min(to, (block + 1) * _header.BlockSize);
            var at = _table[block];
            if (at < 0)
            {
                yield return new OwnRun(from, end - from, Locator is null ? RunState.Zero : RunState.Absent);
            }
            else if (Locator is null)
            {
                foreach (var run in HoleRuns.Split(_file, from, at + _header.BitmapSize + within, end - from)) yield return run;
            }
            else
            {
                foreach (var run in PartialRuns(block, from, end)) yield return run;
            }
            from = end;
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (_disposed) return;
        _disposed = true;
        try
        {
            if (CanWrite && (_footerMoved || _table.IsDirty || _dirtyBitmaps.Count > 0)) Flush();
        }
        finally
        {
            _file.Dispose();
            _parent?.Dispose();
        }
    }

    /// <summary>Writes the footer at the end and its copy at the start anew.</summary>
    internal void RewriteFooters()
    {
        lock (_gate) _file.Write(0, _footer.ToBytes());
        _footerMoved = true;
        Flush();
    }

    private void ReadInBlock(long block, int within, Span<byte> buffer)
    {
        var at = _table[block];
        if (at < 0 && Locator is null) buffer.Clear();
        else if (at < 0) ReadParent((block * _header.BlockSize) + within, buffer);
        else if (Locator is null) _file.Read(at + _header.BitmapSize + within, buffer);
        else
        {
            while (buffer.Length > 0)
            {
                var (here, until) = Run(block, within / Sector, (within + buffer.Length + Sector - 1) / Sector);
                var n = Math.Min((until * Sector) - within, buffer.Length);
                if (here) _file.Read(at + _header.BitmapSize + within, buffer[..n]);
                else ReadParent((block * _header.BlockSize) + within, buffer[..n]);
                within += n;
                buffer = buffer[n..];
            }
        }
    }

    private void WriteOverParent(long block, int within, ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            var at = Place(block) + _header.BitmapSize;
            Span<byte> sector = stackalloc byte[Sector];
            while (bytes.Length > 0)
            {
                var skip = within % Sector;
                var whole = skip == 0 && bytes.Length >= Sector;
                var n = whole ? bytes.Length / Sector * Sector : Math.Min(Sector - skip, bytes.Length);
                if (whole)
                {
                    _file.Write(at + within, bytes[..n]);
                }
                else
                {
                    ReadInBlock(block, within - skip, sector);
                    bytes[..n].CopyTo(sector[skip..]);
                    _file.Write(at + within - skip, sector);
                }
                var bitmap = Bitmap(block);
                for (var s = within / Sector; s * Sector < within + n; s++) bitmap[s / 8] |= (byte)(0x80 >> (s % 8));
                _dirtyBitmaps.Add(block);
                within += n;
                bytes = bytes[n..];
            }
        }
    }

    /// <summary>Where the block lies; new space reads as zero, or as the parent until bits say otherwise.</summary>
    private long Place(long block)
    {
        if (_table[block] is >= 0 and var there) return there;
        lock (_gate)
        {
            if (_table[block] is >= 0 and var taken) return taken;
            // The bytes, not the bitmap, start on a boundary of 4 KiB.
            var at = Aligned(_table.End);
            var end = at + _header.BitmapSize + _header.BlockSize;
            // What lies past the last block, the former footer at least, must not show in the new one.
            for (var old = _table.End; old < Math.Min(_file.Length, end); old += Zeros.Length)
            {
                _file.Write(old, Zeros.AsSpan(0, (int)Math.Min(Zeros.Length, Math.Min(_file.Length, end) - old)));
            }
            _file.SetLength(Math.Max(_file.Length, end));
            var bitmap = new byte[_header.BitmapSize];
            if (Locator is null) bitmap.AsSpan().Fill(0xFF);
            _file.Write(at, bitmap);
            if (Locator is not null) _bitmaps[block] = bitmap;
            _table.Set(block, at);
            _footerMoved = true;
            return at;
        }
    }

    private (bool Here, int Until) Run(long block, int sector, int end)
    {
        lock (_gate)
        {
            var bitmap = Bitmap(block);
            var here = (bitmap[sector / 8] & (0x80 >> (sector % 8))) != 0;
            var until = sector + 1;
            while (until < end && (bitmap[until / 8] & (0x80 >> (until % 8))) != 0 == here) until++;
            return (here, until);
        }
    }

    private IEnumerable<OwnRun> PartialRuns(long block, long from, long end)
    {
        var start = block * _header.BlockSize;
        while (from < end)
        {
            var (here, until) = Run(block, (int)((from - start) / Sector), _header.BlockSize / Sector);
            var stop = Math.Min(end, start + ((long)until * Sector));
            yield return new OwnRun(from, stop - from, here ? RunState.Here : RunState.Absent);
            from = stop;
        }
    }

    private byte[] Bitmap(long block)
    {
        if (_bitmaps.TryGetValue(block, out var bitmap)) return bitmap;
        if (_bitmaps.Count >= MostBitmaps && _dirtyBitmaps.Count == 0) _bitmaps.Clear();
        bitmap = new byte[_header.BitmapSize];
        _file.Read(_table[block], bitmap);
        return _bitmaps[block] = bitmap;
    }

    private void ReadParent(long offset, Span<byte> buffer)
    {
        if (_parent is null) throw new InvalidOperationException($"{Path} was opened without its parent, which holds these bytes.");
        _parent.ReadOrZero(offset, buffer);
    }
}
