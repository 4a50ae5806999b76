using Stillpoint.Extents;

namespace Stillpoint.Chunks;

/// <summary>What to upload of one disk or file.</summary>
/// <param name="Kind">Which of the two.</param>
/// <param name="Source">Where it is read.</param>
/// <param name="Changed">The ranges that changed since the base; null reads all that holds data and shares no tree.</param>
/// <param name="BaseRoot">Root of the base's tree, of a stream of the same length; not used without <paramref name="Changed"/>.</param>
public sealed record DiskWork(StreamKind Kind, IDiskSource Source, ExtentSet? Changed, NodeId BaseRoot)
{
    /// <summary>All of a disk or file.</summary>
    public static DiskWork Full(IDiskSource source, StreamKind kind = StreamKind.Disk) => new(kind, source, null, default);

    /// <summary>The changed ranges of a disk on top of its base. Ranges must end at or before the disk's end.</summary>
    public static DiskWork Changes(IDiskSource source, ExtentSet changed, NodeId baseRoot) => new(StreamKind.Disk, source, changed, baseRoot);
}
