namespace Stillpoint.VirtualDisks;

/// <summary>A file that holds the bytes of the disk from its start on: raw, or a fixed VHD; holes of the file are known to be zero.</summary>
internal sealed class FlatDisk : VirtualDisk
{
    private static readonly byte[] Zeros = new byte[1 << 20];
    private readonly IDiskFile _file;

    private VhdFooter? _footer;
    private long _length;

    private FlatDisk(IDiskFile file, bool canWrite, VhdFooter? footer)
    {
        _file = file;
        _footer = footer;
        _length = footer?.DiskLength ?? file.Length;
        CanWrite = canWrite;
    }

    internal static FlatDisk Raw(IDiskFile file, bool canWrite) => new(file, canWrite, null);

    internal static FlatDisk FixedVhd(IDiskFile file, bool canWrite, VhdFooter footer) => new(file, canWrite, footer);

    public override long Length => _length;
    public override int LogicalSectorSize => 512;
    public override Guid? WriteId => _footer?.UniqueId;
    public override int PhysicalSectorSize => LogicalSectorSize;
    public override DiskFormat Format => _footer is null ? DiskFormat.Raw : DiskFormat.Vhd;
    public override DiskKind Kind => DiskKind.Fixed;
    public override string Path => _file.Path;
    public override VirtualDisk? Parent => null;
    public override bool CanWrite { get; }

    public override void Read(long offset, Span<byte> buffer)
    {
        CheckRange(offset, buffer.Length);
        _file.Read(offset, buffer);
    }

    public override void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        CheckWritable();
        CheckRange(offset, bytes.Length);
        _file.Write(offset, bytes);
    }

    public override void Zero(long offset, long length)
    {
        CheckWritable();
        CheckRange(offset, length);
        foreach (var run in HoleRuns.Split(_file, offset, offset, length))
        {
            if (run.State != RunState.Here) continue;
            for (var at = run.Offset; at < run.Offset + run.Length;)
            {
                var n = (int)Math.Min(Zeros.Length, run.Offset + run.Length - at);
                _file.Write(at, Zeros.AsSpan(0, n));
                at += n;
            }
        }
    }

    public override void Flush() => _file.Sync();

    /// <inheritdoc/>
    public override void Resize(long length, bool discard = false, CancellationToken cancel = default)
    {
        CheckWritable();
        if (length <= 0 || length % LogicalSectorSize != 0) throw new ArgumentException($"a size of {length} bytes is not whole sectors", nameof(length));
        CheckCut(length, discard, cancel);
        if (_footer is { } footer)
        {
            // Its only footer is at the end: while the end moves out there would be none.
            if (length > Length) throw new ArgumentException($"{Path} is a fixed VHD, which cannot grow in place: convert it into a larger disk", nameof(length));
            _footer = footer.Resized(length);
            _file.Write(length, _footer.ToBytes());
            _file.Sync();
        }
        _file.SetLength(_footer is null ? length : length + VhdFooter.Size);
        _file.Sync();
        _length = length;
    }

    internal override void StartFlush() => _file.StartSync();

    internal override IEnumerable<OwnRun> OwnRuns(long from, long to) => HoleRuns.Split(_file, from, from, to - from);

    protected override void Dispose(bool disposing) => _file.Dispose();
}
