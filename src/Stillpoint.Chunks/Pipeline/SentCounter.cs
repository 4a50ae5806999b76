using System.IO.Hashing;

namespace Stillpoint.Chunks;

/// <summary>Counts records as they are put, the same way on both sides of a session. Not safe for several threads: the order counts.</summary>
public sealed class SentCounter
{
    private readonly XxHash128 _ids = new();
    private long _records;
    private long _bytes;

    /// <summary>Counts one more.</summary>
    public void Add(SealedRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        Span<byte> id = stackalloc byte[ChunkId.Size];
        record.Id.Write(id);
        _ids.Append(id);
        _records++;
        _bytes += record.Bytes.Length;
    }

    /// <summary>What was counted so far.</summary>
    public SentTotals Totals => new(_records, _bytes, _ids.GetCurrentHash());
}
