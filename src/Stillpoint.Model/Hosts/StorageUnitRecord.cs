namespace Stillpoint.Model;

/// <summary>A media server as the catalog knows it.</summary>
public sealed record MediaServerRecord
{
    /// <summary>Its name: the subject of its certificate.</summary>
    public required string Name { get; init; }

    /// <summary>Product version that it last said.</summary>
    public string? Version { get; init; }

    /// <summary><c>host:port</c> of its data endpoint.</summary>
    public string? DataAddress { get; init; }

    /// <summary>When it joined, UTC.</summary>
    public required DateTimeOffset Joined { get; init; }

    /// <summary>When it was last heard of, UTC.</summary>
    public DateTimeOffset? LastSeen { get; init; }
}

/// <summary>A storage unit as the catalog knows it.</summary>
public sealed record StorageUnitRecord
{
    /// <summary>Unique at the primary server.</summary>
    public required string Name { get; init; }

    /// <summary>Its own id.</summary>
    public required Guid UnitId { get; init; }

    /// <summary>Name of the media server that serves it.</summary>
    public required string MediaServer { get; init; }

    /// <summary>Where it lies: a folder on the media server, or a bucket.</summary>
    public required string Folder { get; init; }

    /// <summary>Bytes.</summary>
    public required int ChunkSize { get; init; }

    /// <summary>zstd level of new chunks.</summary>
    public required int CompressionLevel { get; init; }

    /// <summary>Free space of its volume when it was last asked, bytes; -1 where there is no bound, as in a bucket.</summary>
    public long FreeBytes { get; init; }

    /// <summary>When it was created here, UTC.</summary>
    public required DateTimeOffset Created { get; init; }
}

/// <summary>What creates a storage unit.</summary>
/// <param name="Name">Unique; by the rule of names.</param>
/// <param name="MediaServer">Which media server; may be left out where there is one.</param>
/// <param name="Folder">Absolute folder there, or the address of a bucket: <c>s3://…</c>, <c>s3+https://…</c>.</param>
/// <param name="ChunkSize">Bytes: a power of two from 4 KiB to 4 MiB.</param>
/// <param name="CompressionLevel">zstd level, 1 to 19.</param>
public sealed record StorageUnitRequest(
    string Name, string? MediaServer, string Folder, int ChunkSize = 64 * 1024, int CompressionLevel = 1);

/// <summary>A storage unit as lists show it.</summary>
/// <param name="Unit">The unit.</param>
/// <param name="Connected">True while its media server is.</param>
public sealed record StorageUnitView(StorageUnitRecord Unit, bool Connected);
