namespace Stillpoint.Storage;

/// <summary>Where a record lies.</summary>
/// <param name="Pack">Number of the pack in its domain's list.</param>
/// <param name="Offset">Where its header starts.</param>
/// <param name="StoredLength">Bytes behind the header.</param>
internal readonly record struct Location(int Pack, uint Offset, int StoredLength);
