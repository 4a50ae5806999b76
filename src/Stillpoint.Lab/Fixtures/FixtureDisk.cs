using System.Text.Json;
using ZstdNet;

namespace Stillpoint.Lab;

/// <summary>A fixture disk: a raw image packed with zstd, and a sidecar that says where its <c>data.bin</c> lies
/// (made by <c>build/make-lab-fixtures</c>).</summary>
internal sealed class FixtureDisk
{
    private const int PieceSize = 1 << 20;
    private readonly string _packed;

    private FixtureDisk(string packed, Sidecar sidecar)
    {
        _packed = packed;
        Length = sidecar.Length;
        Areas = [.. sidecar.DataFile.Select(e => new WriteArea(e[0], e[1]))];
    }

    private sealed record Sidecar(long Length, long[][] DataFile);

    /// <summary>Bytes of the disk.</summary>
    public long Length { get; }

    /// <summary>Extents of <c>data.bin</c>, bytes of the disk.</summary>
    public IReadOnlyList<WriteArea> Areas { get; }

    /// <summary>Opens a fixture by name.</summary>
    public static FixtureDisk Open(string name)
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "lab-fixtures");
        var sidecar = JsonSerializer.Deserialize<Sidecar>(File.ReadAllBytes(Path.Combine(folder, name + ".json")), JsonSerializerOptions.Web)
            ?? throw new InvalidDataException($"the sidecar of {name} is empty");
        return new FixtureDisk(Path.Combine(folder, name + ".raw.zst"), sidecar);
    }

    /// <summary>The pieces that are not all zero, in order. Each is valid until the next is asked for.</summary>
    public IEnumerable<(long Offset, ReadOnlyMemory<byte> Bytes)> Content()
    {
        using var file = File.OpenRead(_packed);
        using var unpacked = new DecompressionStream(file);
        var piece = new byte[PieceSize];
        for (long offset = 0; offset < Length; offset += piece.Length)
        {
            var count = unpacked.ReadAtLeast(piece, (int)Math.Min(piece.Length, Length - offset), throwOnEndOfStream: true);
            if (piece.AsSpan(0, count).ContainsAnyExcept((byte)0)) yield return (offset, piece.AsMemory(0, count));
        }
    }
}
