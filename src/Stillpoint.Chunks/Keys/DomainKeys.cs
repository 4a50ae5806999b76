using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Stillpoint.Chunks;

/// <summary>
/// The keys of one key domain, all derived from its 32-byte master by HKDF-SHA-256: the id key, which never changes, so that
/// deduplication outlives a rotation, and a data key for each epoch. Safe for use from several threads. Holds secrets until disposed.
/// </summary>
public sealed class DomainKeys : IDisposable
{
    /// <summary>Bytes of a master key.</summary>
    public const int MasterSize = 32;

    private readonly byte[] _master = new byte[MasterSize];
    private readonly byte[] _idKey;

    /// <param name="master">32 bytes from a good random source.</param>
    /// <param name="epoch">The epoch whose data key new things are sealed under.</param>
    public DomainKeys(ReadOnlySpan<byte> master, ushort epoch = 0)
    {
        if (master.Length != MasterSize) throw new ArgumentException($"a master key has {MasterSize} bytes, not {master.Length}", nameof(master));
        if (epoch > DomainMaster.MaxEpoch) throw new ArgumentOutOfRangeException(nameof(epoch), epoch, "not an epoch");
        master.CopyTo(_master);
        Epoch = epoch;
        _idKey = Derive("stillpoint 1 chunk ids"u8, 32);
        Domain = new Guid(Derive("stillpoint 1 domain"u8, 16), bigEndian: true);
    }

    /// <summary>The domain's name: 16 bytes derived from the master, which they do not reveal.</summary>
    public Guid Domain { get; }

    /// <summary>The epoch whose data key new things are sealed under.</summary>
    public ushort Epoch { get; }

    /// <summary>The id of a chunk: BLAKE3 of its plain bytes, keyed with the id key.</summary>
    public ChunkId IdOf(ReadOnlySpan<byte> plain)
    {
        Span<byte> mac = stackalloc byte[ChunkId.Size];
        Blake3.HashKeyed(_idKey, plain, mac);
        return ChunkId.Read(mac);
    }

    /// <summary>Seals a small secret under a key of its own.</summary>
    /// <param name="kind">What it is.</param>
    /// <param name="context">What it belongs to; the same must be given to <see cref="Open"/>.</param>
    /// <param name="plain">The secret.</param>
    /// <param name="random">Source of the 32-byte salt.</param>
    public SealedBlob Seal(SealedKind kind, ReadOnlySpan<byte> context, ReadOnlySpan<byte> plain, RandomNumberGenerator random)
    {
        ArgumentNullException.ThrowIfNull(random);
        var salt = new byte[StoreFormat.SaltSize];
        random.GetBytes(salt);
        var bytes = new byte[plain.Length + StoreFormat.TagSize];
        Span<byte> authenticated = stackalloc byte[Authenticated.Size];
        Authenticated.Write(authenticated, Domain, kind, compressed: false, plain.Length);
        SHA256.HashData(context, Authenticated.IdPart(authenticated));
        Span<byte> nonce = stackalloc byte[12];
        nonce.Clear();
        using var cipher = new AesGcm(SaltedKey(Epoch, salt, "stillpoint 1 secret"u8), StoreFormat.TagSize);
        cipher.Encrypt(nonce, plain, bytes.AsSpan(0, plain.Length), bytes.AsSpan(plain.Length), authenticated);
        return new SealedBlob(Epoch, salt, bytes);
    }

    /// <summary>The secret in <paramref name="blob"/>.</summary>
    /// <exception cref="Model.TroubleException">It was sealed with another key, as another kind, for another context, or it was altered.</exception>
    public byte[] Open(SealedKind kind, ReadOnlySpan<byte> context, SealedBlob blob)
    {
        ArgumentNullException.ThrowIfNull(blob);
        if (blob.IsOpen) throw Damage.Of("a sealed object", "it lies in the open where a sealed one is due");
        if (blob.Salt.Length != StoreFormat.SaltSize || blob.Bytes.Length < StoreFormat.TagSize) throw Damage.Of("a sealed object", "it is too short");
        var plain = new byte[blob.Bytes.Length - StoreFormat.TagSize];
        Span<byte> authenticated = stackalloc byte[Authenticated.Size];
        Authenticated.Write(authenticated, Domain, kind, compressed: false, plain.Length);
        SHA256.HashData(context, Authenticated.IdPart(authenticated));
        Span<byte> nonce = stackalloc byte[12];
        nonce.Clear();
        using var cipher = new AesGcm(SaltedKey(blob.Epoch, blob.Salt.Span, "stillpoint 1 secret"u8), StoreFormat.TagSize);
        try
        {
            cipher.Decrypt(nonce, blob.Bytes.Span[..plain.Length], blob.Bytes.Span[plain.Length..], plain, authenticated);
        }
        catch (AuthenticationTagMismatchException e)
        {
            throw new Model.TroubleException(
                $"{kind.ToString().ToLowerInvariant()} of an image", "it does not open with this key: another key's, or altered.",
                "give the key file of the storage unit's key domain, or run store verify", inner: e);
        }
        return plain;
    }

    /// <summary>The key of a pack; 32 bytes.</summary>
    internal byte[] PackKey(ushort epoch, ReadOnlySpan<byte> salt) => SaltedKey(epoch, salt, "stillpoint 1 pack"u8);

    /// <inheritdoc/>
    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_master);
        CryptographicOperations.ZeroMemory(_idKey);
    }

    private byte[] SaltedKey(ushort epoch, ReadOnlySpan<byte> salt, ReadOnlySpan<byte> purpose)
    {
        Span<byte> info = stackalloc byte[32];
        var label = "stillpoint 1 data key "u8;
        label.CopyTo(info);
        BinaryPrimitives.WriteUInt16LittleEndian(info[label.Length..], epoch);
        var dataKey = Derive(info[..(label.Length + 2)], 32);
        try
        {
            var key = new byte[32];
            HKDF.DeriveKey(HashAlgorithmName.SHA256, dataKey, key, salt, purpose);
            return key;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(dataKey);
        }
    }

    private byte[] Derive(ReadOnlySpan<byte> purpose, int length)
    {
        var key = new byte[length];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, _master, key, [], purpose);
        return key;
    }

    /// <summary>The domain only; never a key.</summary>
    public override string ToString() => $"domain {Domain}";
}
