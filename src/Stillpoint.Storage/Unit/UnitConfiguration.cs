using System.IO.Hashing;
using System.Text;
using System.Text.Json;
using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>What <c>unit.json</c> says.</summary>
/// <param name="Format">Format version of the whole unit.</param>
/// <param name="Id">The unit.</param>
/// <param name="ChunkSize">Bytes of a chunk.</param>
/// <param name="CompressionLevel">zstd level.</param>
/// <param name="Created">When it was made, UTC.</param>
/// <param name="LockDays">Days that what is written is locked; null where nothing is.</param>
/// <param name="MadeFor">Key domain of the key file that the unit was made with; null where none was named. A hint for a warning, which the check
/// leaves out: a unit takes any domain.</param>
/// <param name="Check">XxHash128 of the other values, as <see cref="CheckOf"/> writes them.</param>
internal sealed record UnitConfiguration(int Format, Guid Id, int ChunkSize, int CompressionLevel, DateTimeOffset Created, string Check,
    int? LockDays = null, Guid? MadeFor = null)
{
    /// <summary>A hundred years.</summary>
    public const int MaxLockDays = 36_500;

    public const int MaxBytes = 4096;
    private const int MaxLevel = 19;

    public static UnitConfiguration Make(Guid id, int chunkSize, int level, DateTimeOffset created, int? lockDays = null, Guid? madeFor = null)
    {
        if (!StoreFormat.IsChunkSize(chunkSize))
            throw new TroubleException("chunk size", $"{chunkSize} bytes is not a power of two from 64 KiB to 1 MiB.",
                "choose 64K, 128K, 256K, 512K or 1M");
        if (level is < 1 or > MaxLevel) throw new TroubleException("compression level", $"{level} is not from 1 to {MaxLevel}.",
            "choose 1, or 3 for slower and smaller");
        if (lockDays is < 1 or > MaxLockDays) throw new TroubleException("lock", $"{lockDays} days are not from 1 to {MaxLockDays}.",
            "choose as many as an image is kept");
        var made = new UnitConfiguration(StoreFormat.Version, id, chunkSize, level, created, "", lockDays, madeFor);
        return made with { Check = made.CheckOf() };
    }

    /// <summary>How long before its end a lock is extended; each lock is longer by this, so that one renewal a period is enough.</summary>
    public TimeSpan? RenewalPeriod => LockDays is { } days ? TimeSpan.FromDays(Math.Max(1, days / 4)) : null;

    /// <summary>How long what is written now is locked; null where nothing is.</summary>
    public TimeSpan? LockFor => RenewalPeriod is { } renewal ? TimeSpan.FromDays(LockDays!.Value) + renewal : null;

    public UnitParameters Parameters => new(Id, Format, ChunkSize, CompressionLevel);

    public byte[] Encode() => JsonSerializer.SerializeToUtf8Bytes(this, Words.ReadableJson);

    /// <summary>What the volume says now.</summary>
    /// <exception cref="FileNotFoundException">There is no unit.</exception>
    /// <exception cref="TroubleException">It is damaged or of another version.</exception>
    public static async Task<UnitConfiguration> ReadAsync(IVolume volume, CancellationToken cancel)
    {
        var bytes = new byte[MaxBytes];
        var size = await volume.ReadAsync(UnitNames.Configuration, 0, bytes, cancel);
        return Decode(bytes.AsSpan(0, size), volume.Name);
    }

    public static UnitConfiguration Decode(ReadOnlySpan<byte> bytes, string unit)
    {
        UnitConfiguration read;
        try
        {
            // Element by element: a short command would spend longer on making a reader for the type than on all else that it does with the unit.
            using var json = JsonDocument.Parse(bytes.ToArray());
            var root = json.RootElement;
            var format = root.GetProperty("format").GetInt32();
            if (format != StoreFormat.Version) throw UnitTrouble.Version($"storage unit {unit}", format);
            read = new UnitConfiguration(
                format, root.GetProperty("id").GetGuid(), root.GetProperty("chunkSize").GetInt32(), root.GetProperty("compressionLevel").GetInt32(),
                root.GetProperty("created").GetDateTimeOffset(), root.GetProperty("check").GetString() ?? "",
                root.TryGetProperty("lockDays", out var days) && days.ValueKind != JsonValueKind.Null ? days.GetInt32() : null,
                root.TryGetProperty("madeFor", out var domain) && domain.ValueKind != JsonValueKind.Null ? domain.GetGuid() : null);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw Damage.Of($"unit.json of {unit}", "it is not what store init writes", e);
        }
        if (read.Check != read.CheckOf() || !StoreFormat.IsChunkSize(read.ChunkSize) || read.CompressionLevel is < 1 or > MaxLevel
            || read.LockDays is < 1 or > MaxLockDays)
            throw Damage.Of($"unit.json of {unit}", "its values do not fit its check");
        return read;
    }

    private string CheckOf() => Convert.ToHexStringLower(
        XxHash128.Hash(Encoding.ASCII.GetBytes(
            $"{Format} {Id:N} {ChunkSize} {CompressionLevel} {Created.UtcTicks}{(LockDays is { } days ? $" {days}" : "")}")));
}
