namespace Stillpoint.VirtualDisks;

/// <summary>A file that holds the bytes of the disk from its start on: raw, or a fixed VHD; holes of the file are known to be zero.</summary>
internal sealed class FlatDisk : VirtualDisk
{
    private static readonly byte[] Zeros = new byte[1 << 20];
    private readonly IDiskFile _file;

    private FlatDisk(IDiskFile file, bool canWrite, DiskFormat format, long length, Guid? writeId)
    {
        _file = file;
        CanWrite = canWrite;
        Format = format;
        Length = length;
        WriteId = writeId;
    }

    internal static FlatDisk Raw(IDiskFile file, bool canWrite) => new(file, canWrite, DiskFormat.Raw, file.Length, null);

    internal static FlatDisk FixedVhd(IDiskFile file, bool canWrite, VhdFooter footer) => new(file, canWrite, DiskFormat.Vhd, footer.DiskLength, footer.UniqueId);

    public override long Length { get; }
    public override int LogicalSectorSize => 512;
    public override Guid? WriteId { get; }
    public override int PhysicalSectorSize => LogicalSectorSize;
    public override DiskFormat Format { get; }
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

    internal override IEnumerable<OwnRun> OwnRuns(long from, long to) => HoleRuns.Split(_file, from, from, to - from);

    protected override void Dispose(bool disposing) => _file.Dispose();
}
