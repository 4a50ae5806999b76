using System.Collections.Concurrent;
using System.Security.Cryptography;
using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>A pack that a verify found sound.</summary>
/// <param name="At">When, UTC.</param>
/// <param name="Length">Bytes of the pack then.</param>
/// <param name="Short">Its chunks whose plain length is not the unit's chunk size.</param>
internal sealed record SoundPack(DateTimeOffset At, long Length, IReadOnlyDictionary<ChunkId, int> Short);

/// <summary>
/// Which packs of a domain were found sound, when, at one depth; and when the verify began that was not ended yet. Lost or damaged it costs a
/// second reading, no more. With keys it is sealed, so that whoever runs the store can repeat what was true once but not claim what was not.
/// docs/FORMAT.md, "checks".
/// </summary>
internal sealed class SoundPacks
{
    private readonly Guid _unit;
    private readonly Guid _domain;
    private readonly VerifyDepth _depth;
    private readonly ConcurrentDictionary<Guid, SoundPack> _packs = new();

    private SoundPacks(Guid unit, Guid domain, VerifyDepth depth) => (_unit, _domain, _depth) = (unit, domain, depth);

    /// <summary>When the verify began that has not ended; null when the last one did.</summary>
    public DateTimeOffset? Began { get; set; }

    public SoundPack? Find(Guid pack) => _packs.GetValueOrDefault(pack);

    public void Add(Guid pack, SoundPack sound) => _packs[pack] = sound;

    public void Remove(Guid pack) => _packs.TryRemove(pack, out _);

    /// <summary>Forgets packs that are no more.</summary>
    public void Keep(IReadOnlySet<Guid> packs)
    {
        foreach (var gone in _packs.Keys.Where(p => !packs.Contains(p)).ToList()) _packs.TryRemove(gone, out _);
    }

    /// <summary>What was written down; nothing where it cannot be read.</summary>
    public static async Task<SoundPacks> LoadAsync(IVolume volume, Guid unit, Guid domain, VerifyDepth depth, CancellationToken cancel)
    {
        var name = UnitNames.Checks(domain, depth.Kind);
        try
        {
            return Decode(await SmallObject.ReadAsync(volume, name, cancel), name, unit, domain, depth);
        }
        catch (Exception e) when (e is TroubleException or IOException)
        {
            return new SoundPacks(unit, domain, depth);
        }
    }

    /// <summary>Writes it down, whole.</summary>
    public async Task SaveAsync(IVolume volume, CancellationToken cancel)
    {
        var writer = ObjectFrame.Begin(ObjectFrame.ChecksMagic);
        using var random = RandomNumberGenerator.Create();
        var plain = EncodePlain();
        SealedCodec.Write(writer, _depth.Keys?.Seal(SealedKind.Checks, Context(), plain, random) ?? new SealedBlob(SealedBlob.OpenEpoch, new byte[StoreFormat.SaltSize], plain));
        await volume.PutAsync(UnitNames.Checks(_domain, _depth.Kind), ObjectFrame.End(writer), cancel);
    }

    internal static SoundPacks Decode(ReadOnlySpan<byte> bytes, string name, Guid unit, Guid domain, VerifyDepth depth)
    {
        var outer = new ByteReader(ObjectFrame.Content(bytes, ObjectFrame.ChecksMagic, name), name);
        var blob = SealedCodec.ReadBlob(ref outer);
        outer.End();
        var read = new SoundPacks(unit, domain, depth);
        if (blob.IsOpen != depth.Keys is null) throw Damage.Of(name, "it is sealed where it should be open, or the other way round");
        var reader = new ByteReader(depth.Keys?.Open(SealedKind.Checks, read.Context(), blob) ?? blob.Bytes.Span, name);
        var began = reader.I64();
        read.Began = began == 0 ? null : UnitTime.Of(began, name);
        if (reader.I64() is var count && count > reader.Remaining / 26) throw Damage.Of(name, $"it claims {count} packs");
        for (; count > 0; count--)
        {
            var pack = reader.Id();
            var at = UnitTime.Of(reader.I64(), name);
            var length = reader.VarInt();
            var few = new Dictionary<ChunkId, int>();
            for (var left = reader.Count(ChunkId.Size + 1, int.MaxValue); left > 0; left--)
            {
                var id = ChunkId.Read(reader.Take(ChunkId.Size));
                var size = reader.VarInt();
                if (size is < 1 or > StoreFormat.MaxChunkSize || !few.TryAdd(id, (int)size)) throw Damage.Of(name, $"a chunk of {size} bytes");
            }
            read._packs[pack] = new SoundPack(at, length, few);
        }
        reader.End();
        return read;
    }

    private byte[] EncodePlain()
    {
        var writer = new ByteWriter();
        writer.I64(Began?.UtcTicks ?? 0);
        // A copy: packs may be added meanwhile.
        var packs = _packs.ToArray();
        writer.I64(packs.Length);
        Span<byte> chunk = stackalloc byte[ChunkId.Size];
        foreach (var (id, pack) in packs)
        {
            writer.Id(id);
            writer.I64(pack.At.UtcTicks);
            writer.VarInt(pack.Length);
            writer.VarInt(pack.Short.Count);
            foreach (var (shortId, length) in pack.Short)
            {
                shortId.Write(chunk);
                writer.Raw(chunk);
                writer.VarInt(length);
            }
        }
        return writer.ToArray();
    }

    private byte[] Context()
    {
        var writer = new ByteWriter();
        writer.Id(_unit);
        writer.Id(_domain);
        return writer.ToArray();
    }
}
