namespace Stillpoint.Chunks;

/// <summary>Constants of the storage unit's format; docs/FORMAT.md holds every byte.</summary>
public static class StoreFormat
{
    /// <summary>The version that this code reads and writes.</summary>
    public const int Version = 1;

    /// <summary>Children of a tree node.</summary>
    public const int Fanout = 128;

    /// <summary>Smallest and largest chunk, bytes; both and all between are powers of two.</summary>
    public const int MinChunkSize = 64 << 10, MaxChunkSize = 1 << 20;

    /// <summary>Bytes that a record or node costs in a pack beside its content: its header and its entry in the trailer.</summary>
    public const int RecordOverhead = RecordHeaderSize + TrailerEntrySize;

    /// <summary>Bytes of the header before each record of a pack.</summary>
    public const int RecordHeaderSize = 72;

    /// <summary>Bytes of a record's entry in the trailer of a pack.</summary>
    public const int TrailerEntrySize = 40;

    /// <summary>Bytes of an AES-256-GCM tag.</summary>
    public const int TagSize = 16;

    /// <summary>Bytes of the random salt of a pack or a small secret.</summary>
    public const int SaltSize = 32;

    /// <summary>Largest stream of an image, bytes: 64 TiB is the largest VHDX.</summary>
    public const long MaxStreamLength = 64L << 40;

    /// <summary>True for a chunk size that a unit may have.</summary>
    public static bool IsChunkSize(int bytes) => bytes is >= MinChunkSize and <= MaxChunkSize && (bytes & (bytes - 1)) == 0;
}
