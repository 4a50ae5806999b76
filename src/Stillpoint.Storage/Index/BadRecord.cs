namespace Stillpoint.Storage;

/// <summary>A record that a verify found damaged. It answers no "is this chunk there" any more, so the next backup that meets the chunk
/// sends it again and heals every image that needs it; until then a restore still tries it, since it proves itself or fails.</summary>
/// <param name="Pack">Its pack.</param>
/// <param name="Offset">Where its header starts.</param>
internal readonly record struct BadRecord(Guid Pack, uint Offset);
