using System.Security.Cryptography;
using ZstdNet;

namespace Stillpoint.Chunks;

/// <summary>What one thread needs to seal or open records and may not share: compressor, cipher of the pack at hand, room to work in.</summary>
internal sealed class SealLane : IDisposable
{
    private readonly CompressionOptions _options;
    private Compressor? _compressor;
    private Decompressor? _decompressor;
    private byte[] _room = [];
    private AesGcm? _cipher;
    private byte[]? _cipherKey;

    public SealLane(int level) => _options = new CompressionOptions(level);

    /// <summary>Room of at least <paramref name="size"/> bytes; what it held is lost.</summary>
    public byte[] Room(int size)
    {
        if (_room.Length < size) _room = GC.AllocateUninitializedArray<byte>(size);
        return _room;
    }

    public Compressor Compressor => _compressor ??= new Compressor(_options);

    public Decompressor Decompressor => _decompressor ??= new Decompressor();

    /// <summary>The cipher for a pack key. The same array means the same key.</summary>
    public AesGcm Cipher(byte[] key)
    {
        if (ReferenceEquals(_cipherKey, key)) return _cipher!;
        _cipher?.Dispose();
        _cipher = new AesGcm(key, StoreFormat.TagSize);
        _cipherKey = key;
        return _cipher;
    }

    public void Dispose()
    {
        _compressor?.Dispose();
        _decompressor?.Dispose();
        _cipher?.Dispose();
        _options.Dispose();
    }
}
