namespace Stillpoint.Chunks;

/// <summary>What a writer must know of a storage unit. Fixed when the unit is made.</summary>
/// <param name="UnitId">The unit.</param>
/// <param name="FormatVersion">Version of the format.</param>
/// <param name="ChunkSize">Bytes of a chunk: a power of two from 64 KiB to 1 MiB.</param>
/// <param name="CompressionLevel">zstd level.</param>
public sealed record UnitParameters(Guid UnitId, int FormatVersion, int ChunkSize, int CompressionLevel);
