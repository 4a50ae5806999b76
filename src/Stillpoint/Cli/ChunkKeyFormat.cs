using Stillpoint.Chunks;
using Stillpoint.Primary;

namespace Stillpoint.Cli;

/// <summary>The storage unit's key files, for the primary server, which does not know the storage unit's code.</summary>
internal sealed class ChunkKeyFormat : IKeyFormat
{
    public byte[] Write(ReadOnlySpan<byte> master) => KeyFile.Format(master);

    public byte[] Read(ReadOnlySpan<byte> file, string path) => KeyFile.Parse(file, path);

    public Guid DomainOf(ReadOnlySpan<byte> master)
    {
        using var keys = new DomainKeys(master);
        return keys.Domain;
    }
}
