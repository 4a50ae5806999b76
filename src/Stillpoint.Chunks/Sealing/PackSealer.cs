using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using ZstdNet;

namespace Stillpoint.Chunks;

/// <summary>
/// Compresses and encrypts chunks into records. It owns the packs that it names: each has 32 fresh random bytes, and each record of a pack
/// takes the next number, once, whatever the thread; so no two records ever share key and nonce. Safe for use from several threads.
/// </summary>
public sealed class PackSealer : IDisposable
{
    /// <summary>Sealed bytes after which the next record opens a new pack.</summary>
    public const long PackBytes = 64L << 20;

    private readonly DomainKeys _keys;
    private readonly RandomNumberGenerator _random;
    private readonly int _level;
    private readonly Lock _gate = new();
    private readonly ConcurrentBag<SealLane> _lanes = [];
    private Pack? _pack;

    /// <param name="keys">The domain's keys; they must outlive the sealer.</param>
    /// <param name="random">Source of the packs' salts; used under a lock.</param>
    /// <param name="compressionLevel">zstd level of the unit.</param>
    public PackSealer(DomainKeys keys, RandomNumberGenerator random, int compressionLevel)
    {
        _keys = keys;
        _random = random;
        _level = compressionLevel;
    }

    /// <summary>Seals a chunk. The record's bytes are a fresh array that nobody else holds.</summary>
    /// <param name="id">Its id, already computed.</param>
    /// <param name="plain">Its bytes: 1 to <see cref="StoreFormat.MaxChunkSize"/>.</param>
    public SealedRecord Seal(ChunkId id, ReadOnlySpan<byte> plain)
    {
        if (plain.Length is 0 or > StoreFormat.MaxChunkSize) throw new ArgumentOutOfRangeException(nameof(plain), plain.Length, "not a chunk's length");
        var lane = _lanes.TryTake(out var free) ? free : new SealLane(_level);
        var room = lane.Room(Compressor.GetCompressBound(plain.Length));
        var packed = lane.Compressor.Wrap(plain, room.AsSpan());
        // A frame that saves less than one part in 64 costs more at restore than it saves on disk.
        var compressed = packed < plain.Length - (plain.Length >> 6);
        var content = compressed ? room.AsSpan(0, packed) : plain;

        var record = Seal(lane, id, content, plain.Length, compressed);
        _lanes.Add(lane);
        return record;
    }

    /// <summary>Seals what a record holds anew, under the keys' epoch of today: how a rotation reaches what is old. It is not decompressed
    /// and compressed again; its id, which the cipher binds, stays.</summary>
    /// <param name="record">A record of the same domain, of any epoch.</param>
    /// <param name="opener">Opens it.</param>
    /// <exception cref="Model.TroubleException">The record does not open.</exception>
    public SealedRecord Reseal(SealedRecord record, RecordOpener opener)
    {
        ArgumentNullException.ThrowIfNull(record);
        ArgumentNullException.ThrowIfNull(opener);
        var content = opener.OpenContent(record);
        var lane = _lanes.TryTake(out var free) ? free : new SealLane(_level);
        var again = Seal(lane, record.Id, content, record.PlainLength, record.Compressed);
        _lanes.Add(lane);
        return again;
    }

    private SealedRecord Seal(SealLane lane, ChunkId id, ReadOnlySpan<byte> content, int plainLength, bool compressed)
    {
        var (pack, number) = Take(content.Length + StoreFormat.TagSize);
        var bytes = GC.AllocateUninitializedArray<byte>(content.Length + StoreFormat.TagSize);
        Span<byte> authenticated = stackalloc byte[Authenticated.Size];
        Authenticated.Write(authenticated, _keys.Domain, SealedKind.Chunk, compressed, plainLength);
        id.Write(Authenticated.IdPart(authenticated));
        Span<byte> nonce = stackalloc byte[12];
        nonce.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(nonce, number);
        lane.Cipher(pack.Key).Encrypt(nonce, content, bytes.AsSpan(0, content.Length), bytes.AsSpan(content.Length), authenticated);
        return new SealedRecord(pack.Salt, number, _keys.Epoch, id, plainLength, compressed, bytes);
    }

    /// <summary>Names and seals one chunk of zeros under a key that nobody keeps: whatever the first of them would wait for, as compiled code and native
    /// libraries, is there then. Worth it where a process lives for one short backup.</summary>
    public static void Warm()
    {
        Span<byte> master = stackalloc byte[DomainKeys.MasterSize];
        using var random = RandomNumberGenerator.Create();
        random.GetBytes(master);
        using var keys = new DomainKeys(master);
        using var sealer = new PackSealer(keys, random, compressionLevel: 1);
        var plain = new byte[StoreFormat.MinChunkSize];
        sealer.Seal(keys.IdOf(plain), plain);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        while (_lanes.TryTake(out var lane)) lane.Dispose();
        if (_pack is not null) CryptographicOperations.ZeroMemory(_pack.Key);
    }

    private (Pack Pack, uint Number) Take(int size)
    {
        lock (_gate)
        {
            if (_pack is null || _pack.Bytes >= PackBytes)
            {
                var salt = new byte[StoreFormat.SaltSize];
                _random.GetBytes(salt);
                _pack = new Pack(salt, _keys.PackKey(_keys.Epoch, salt));
            }
            _pack.Bytes += size;
            return (_pack, _pack.Next++);
        }
    }

    private sealed class Pack(byte[] salt, byte[] key)
    {
        public byte[] Salt { get; } = salt;

        public byte[] Key { get; } = key;

        public long Bytes { get; set; }

        public uint Next { get; set; }
    }
}
