using Stillpoint.Chunks;
using Stillpoint.Primary;

namespace Stillpoint.Roles.Tests.Primary;

/// <summary>The storage unit's own key files, as the executable joins them to the primary.</summary>
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
