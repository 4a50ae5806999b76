namespace Stillpoint.Chunks;

/// <summary>What a sealed thing is; part of what the cipher authenticates, so that one cannot stand for another.</summary>
public enum SealedKind
{
    Chunk = 1,
    Details = 2,
    Note = 3,
    Checks = 4,
}
