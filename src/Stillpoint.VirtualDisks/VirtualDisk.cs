using Stillpoint.Extents;

namespace Stillpoint.VirtualDisks;

/// <summary>
/// A virtual disk: a run of bytes in a container file, with its chain of parents. Reads and writes may come from several threads at
/// once; what two writes to the same bytes leave is one of the two. Nothing is promised after a crash before <see cref="Flush"/> returned,
/// except that the file opens.
/// </summary>
public abstract class VirtualDisk : IDisposable
{
    /// <summary>Deepest chain that is followed; a longer one is taken for a loop.</summary>
    public const int DeepestChain = 1024;

    private const long CutStretch = 16L << 30;

    /// <summary>Virtual size in bytes.</summary>
    public abstract long Length { get; }

    /// <summary>512 or 4096: the unit in which a guest addresses the disk.</summary>
    public abstract int LogicalSectorSize { get; }

    /// <summary>512 or 4096: the unit that the disk writes in one piece.</summary>
    public abstract int PhysicalSectorSize { get; }

    /// <summary>How the file is laid out.</summary>
    public abstract DiskFormat Format { get; }

    /// <summary>Whether space is taken at once, when written, or only for what differs from a parent.</summary>
    public abstract DiskKind Kind { get; }

    /// <summary>The container file.</summary>
    public abstract string Path { get; }

    /// <summary>The next file of the chain; null at the base.</summary>
    public abstract VirtualDisk? Parent { get; }

    /// <summary>False when the disk was opened read-only.</summary>
    public abstract bool CanWrite { get; }

    /// <summary>The disk's identity, the same in parent and child (VHDX "Page 83" id); null where the format has none.</summary>
    public virtual Guid? VirtualDiskId => null;

    /// <summary>Identity of this file's content: VHDX DataWriteGuid, VHD UniqueId; null for raw.</summary>
    public virtual Guid? WriteId => null;

    /// <summary>Bytes in a block, the unit of allocation; 0 where the format has none.</summary>
    public virtual long BlockSize => 0;

    /// <summary><see cref="WriteId"/> of every file of the chain, leaf first; raw files are left out.</summary>
    public IReadOnlyList<Guid> ChainWriteIds => [.. Chain.Select(d => d.WriteId).OfType<Guid>()];

    /// <summary>This disk and its parents, leaf first.</summary>
    public IEnumerable<VirtualDisk> Chain
    {
        get
        {
            for (var disk = this; disk is not null; disk = disk.Parent) yield return disk;
        }
    }

    /// <summary>
    /// Where data is, across the chain; every byte outside reads as zero. May claim more than there is, never less. A very large disk with a
    /// scattered map is better walked with <see cref="Map()"/>, which does not hold it whole.
    /// </summary>
    public ExtentSet Data
    {
        get
        {
            var builder = new ExtentSetBuilder();
            foreach (var run in Map())
            {
                if (run.IsData) builder.Add(new Extent(run.Offset, run.Length));
            }
            return builder.Build();
        }
    }

    /// <summary>
    /// Opens a disk with its whole chain of parents. VHDX and VHD are recognised by content; anything else is raw, unless its name ends
    /// in .vhdx, .avhdx, .vhd or .avhd: such a file is damaged. A parent is of its child's format.
    /// </summary>
    /// <exception cref="AmbiguousFormatException">The name says another format than the content: .raw and .img of a VHDX or VHD, or one of
    /// these under the other's name. <see cref="DiskOpenOptions.Format"/> settles it.</exception>
    /// <exception cref="ForeignFormatException">The file is a QCOW2, VMDK or VDI: to take its bytes for a disk's would be no use to anybody.</exception>
    /// <exception cref="DiskFormatException">The file, or a parent, is damaged or not what its child expects.</exception>
    /// <exception cref="IOException">A file cannot be opened or read.</exception>
    public static VirtualDisk Open(string path, DiskOpenOptions options) => DiskOpener.Open(path, options);

    /// <summary>Fills <paramref name="buffer"/> with the bytes from <paramref name="offset"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is not inside the disk.</exception>
    public abstract void Read(long offset, Span<byte> buffer);

    /// <summary>Writes <paramref name="bytes"/> at <paramref name="offset"/>; any alignment.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is not inside the disk.</exception>
    /// <exception cref="InvalidOperationException">The disk was opened read-only.</exception>
    public abstract void Write(long offset, ReadOnlySpan<byte> bytes);

    /// <summary>Makes a range read as zero, without taking or writing space where the format can say so.</summary>
    public abstract void Zero(long offset, long length);

    /// <summary>Returns when all that was written is on stable storage.</summary>
    /// <exception cref="IOException">The system reported an error; what was written since the last flush must be taken as lost.</exception>
    public abstract void Flush();

    /// <summary>Changes the virtual size. New bytes read as zero. No other call may run at the same time. A crash leaves the old size or the new.</summary>
    /// <param name="length">Bytes; a multiple of the logical sector, up to 64 TiB (VHDX) or 2040 GiB (VHD).</param>
    /// <param name="discard">Allows to cut off bytes that hold data; without it such a cut is refused.</param>
    /// <param name="cancel">Stops where the size is still the old one; what was to be discarded may be gone by then. Close the disk after it.</param>
    /// <exception cref="ArgumentException">The size does not fit the format, or data would be cut off.</exception>
    public abstract void Resize(long length, bool discard = false, CancellationToken cancel = default);

    /// <summary>
    /// Makes the file smaller: blocks that hold only zeros are given up, the last blocks move into gaps, and the file is cut. A crash at any
    /// point leaves a file that opens and reads the same; run again to go on. No other call may run at the same time. A fixed disk stays as it is.
    /// </summary>
    /// <param name="progress">Told the blocks that are done and how many there are.</param>
    /// <param name="cancel">Stops between two blocks.</param>
    /// <returns>Bytes that the file lost.</returns>
    public virtual long Compact(Action<long, long>? progress, CancellationToken cancel)
    {
        CheckWritable();
        return 0;
    }

    /// <summary>The whole disk as runs in order, without gaps, each told by the file that holds it.</summary>
    public IEnumerable<DiskRun> Map() => Map(0, Length);

    /// <summary>The runs of <c>[from, to)</c>.</summary>
    public IEnumerable<DiskRun> Map(long from, long to)
    {
        CheckRange(from, checked(to - from));
        return RunJoiner.Join(MapChain(from, to, 0));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Lets the system begin to put down written bytes, so that a flush at the end of long work has less to wait for.</summary>
    internal virtual void StartFlush()
    {
    }

    /// <summary>What this file alone says of <c>[from, to)</c>, in order and without gaps.</summary>
    internal abstract IEnumerable<OwnRun> OwnRuns(long from, long to);

    /// <summary>Releases the file and its parents.</summary>
    protected abstract void Dispose(bool disposing);

    internal void CheckRange(long offset, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        if (offset > Length || length > Length - offset)
        {
            throw new ArgumentOutOfRangeException(nameof(offset), $"{offset}+{length} is not inside the disk of {Length} bytes");
        }
    }

    internal void CheckWritable()
    {
        if (!CanWrite) throw new InvalidOperationException($"{Path} was opened read-only.");
    }

    /// <summary>Refuses a size that would cut off data.</summary>
    internal void CheckCut(long length, bool discard, CancellationToken cancel)
    {
        for (var at = length; at < Length && !discard; at = Math.Min(Length, checked(at + CutStretch)))
        {
            cancel.ThrowIfCancellationRequested();
            if (!Map(at, Math.Min(Length, at + CutStretch)).Any(r => r.IsData)) continue;
            throw new ArgumentException($"{Path} holds data past {length} bytes", nameof(length));
        }
    }

    /// <summary>Reads a range that may reach past this disk's end: what lies there is zero (a child may be larger than its parent).</summary>
    internal void ReadOrZero(long offset, Span<byte> buffer)
    {
        var inside = (int)Math.Clamp(Length - offset, 0, buffer.Length);
        if (inside > 0) Read(offset, buffer[..inside]);
        buffer[inside..].Clear();
    }

    private IEnumerable<DiskRun> MapChain(long from, long to, int layer)
    {
        foreach (var run in OwnRuns(from, to))
        {
            if (run.State != RunState.Absent)
            {
                yield return new DiskRun(run.Offset, run.Length, run.State == RunState.Here, layer);
                continue;
            }
            var end = run.Offset + run.Length;
            var inParent = Parent is null ? run.Offset : Math.Clamp(Parent.Length, run.Offset, end);
            if (inParent > run.Offset)
            {
                foreach (var below in Parent!.MapChain(run.Offset, inParent, layer + 1)) yield return below;
            }
            if (end > inParent) yield return new DiskRun(inParent, end - inParent, IsData: false, layer);
        }
    }
}
