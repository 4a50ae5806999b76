using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using Stillpoint.Model;
using ZstdNet;

namespace Stillpoint.Chunks;

/// <summary>
/// Decrypts and decompresses records. What opens under a chunk's id is that chunk, as long as writers of the domain are honest; a verify
/// compares the id besides. Safe for use from several threads.
/// </summary>
public sealed class RecordOpener(DomainKeys keys) : IDisposable
{
    private const int KeysKept = 64;

    private readonly ConcurrentBag<SealLane> _lanes = [];
    private readonly Lock _gate = new();
    private readonly Dictionary<(ushort, ChunkId), byte[]> _packKeys = [];
    private readonly Queue<(ushort, ChunkId)> _oldest = [];

    /// <summary>Writes the plain chunk into <paramref name="target"/>, whose length must be the chunk's.</summary>
    /// <exception cref="TroubleException">The record is not that chunk's, was altered, or is of another length.</exception>
    public void Open(SealedRecord record, ChunkId expected, Span<byte> target)
    {
        ArgumentNullException.ThrowIfNull(record);
        if (record.Id != expected) throw Damage.Of($"chunk {expected}", "another chunk's record came for it");
        if (record.PlainLength != target.Length) throw Damage.Of($"chunk {expected}", $"it holds {record.PlainLength} bytes where {target.Length} are due");
        var size = record.Bytes.Length - StoreFormat.TagSize;
        if (size < 1 || size > target.Length || (!record.Compressed && size != target.Length) || record.PackSalt.Length != StoreFormat.SaltSize)
            throw Damage.Of($"chunk {expected}", "its record has an impossible length");

        var lane = _lanes.TryTake(out var free) ? free : new SealLane(1);
        try
        {
            Decrypt(lane, record, record.Compressed ? lane.Room(size).AsSpan(0, size) : target);
            if (record.Compressed) Decompress(lane, expected, lane.Room(size).AsSpan(0, size), target);
        }
        finally
        {
            _lanes.Add(lane);
        }
    }

    /// <summary>As <see cref="Open"/>, and proves that the content has that id.</summary>
    public void OpenAndProve(SealedRecord record, ChunkId expected, Span<byte> target)
    {
        Open(record, expected, target);
        if (!Proves(expected, target)) throw Damage.Of($"chunk {expected}", "its content does not match its id: the client that sent it was at fault");
    }

    /// <summary>True when the plain bytes have that id.</summary>
    public bool Proves(ChunkId expected, ReadOnlySpan<byte> plain) => keys.IdOf(plain) == expected;

    /// <summary>What a record encrypts: the compressed chunk, or the plain one where it was not compressed.</summary>
    internal byte[] OpenContent(SealedRecord record)
    {
        var size = record.Bytes.Length - StoreFormat.TagSize;
        if (size < 1 || size > record.PlainLength || record.PackSalt.Length != StoreFormat.SaltSize)
            throw Damage.Of($"chunk {record.Id}", "its record has an impossible length");
        var lane = _lanes.TryTake(out var free) ? free : new SealLane(1);
        try
        {
            var content = new byte[size];
            Decrypt(lane, record, content);
            return content;
        }
        finally
        {
            _lanes.Add(lane);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        while (_lanes.TryTake(out var lane)) lane.Dispose();
        foreach (var key in _packKeys.Values) CryptographicOperations.ZeroMemory(key);
    }

    private void Decrypt(SealLane lane, SealedRecord record, Span<byte> content)
    {
        Span<byte> authenticated = stackalloc byte[Authenticated.Size];
        Authenticated.Write(authenticated, keys.Domain, SealedKind.Chunk, record.Compressed, record.PlainLength);
        record.Id.Write(Authenticated.IdPart(authenticated));
        Span<byte> nonce = stackalloc byte[12];
        nonce.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(nonce, record.Number);
        var bytes = record.Bytes.Span;
        try
        {
            lane.Cipher(PackKey(record)).Decrypt(nonce, bytes[..content.Length], bytes[content.Length..], content, authenticated);
        }
        catch (AuthenticationTagMismatchException e)
        {
            throw Damage.Of($"chunk {record.Id}", "it does not open with this key: altered, or sealed with another", e);
        }
    }

    private static void Decompress(SealLane lane, ChunkId id, ReadOnlySpan<byte> content, Span<byte> target)
    {
        try
        {
            // The frame's own claim of its size is hostile input and not asked: what does not fit the target is an error of the library.
            if (lane.Decompressor.Unwrap(content, target, bufferSizePrecheck: false) == target.Length) return;
        }
        catch (ZstdException e)
        {
            throw Damage.Of($"chunk {id}", "its compressed form is broken", e);
        }
        throw Damage.Of($"chunk {id}", "it decompresses to another length");
    }

    private byte[] PackKey(SealedRecord record)
    {
        var salt = (record.Epoch, ChunkId.Read(record.PackSalt.Span));
        lock (_gate)
        {
            if (_packKeys.TryGetValue(salt, out var known)) return known;
            var key = keys.PackKey(record.Epoch, record.PackSalt.Span);
            // A key that falls out is left to the collector: a thread may be using it.
            if (_oldest.Count == KeysKept) _packKeys.Remove(_oldest.Dequeue());
            _packKeys.Add(salt, key);
            _oldest.Enqueue(salt);
            return key;
        }
    }
}
