using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Stillpoint.Lab;

/// <summary>Seals what the host sends and opens what the client sent, with extended session security and 128-bit keys (MS-NLMP 3.4.4.2).</summary>
internal sealed class NtlmSeal
{
    public const int HeaderLength = 16;
    private readonly byte[] _clientSigning;
    private readonly byte[] _serverSigning;
    private readonly Rc4 _clientStream;
    private readonly Rc4 _serverStream;
    private readonly bool _sealsChecksum;
    private uint _received;
    private uint _sent;

    /// <param name="key">ExportedSessionKey.</param>
    /// <param name="sealsChecksum">True with key exchange.</param>
    public NtlmSeal(byte[] key, bool sealsChecksum)
    {
        _sealsChecksum = sealsChecksum;
        _clientSigning = Derive(key, "session key to client-to-server signing key magic constant\0"u8);
        _serverSigning = Derive(key, "session key to server-to-client signing key magic constant\0"u8);
        _clientStream = new Rc4(Derive(key, "session key to client-to-server sealing key magic constant\0"u8));
        _serverStream = new Rc4(Derive(key, "session key to server-to-client sealing key magic constant\0"u8));
    }

    /// <summary>Null when the seal is broken or a message is missing or doubled.</summary>
    public byte[]? Open(ReadOnlySpan<byte> header, ReadOnlySpan<byte> data)
    {
        if (header.Length != HeaderLength) return null;
        var message = _clientStream.Transform(data);
        var expected = Signature(_clientSigning, _clientStream, _received++, message);
        return CryptographicOperations.FixedTimeEquals(header, expected) ? message : null;
    }

    public (byte[] Header, byte[] Data) Seal(ReadOnlySpan<byte> message)
    {
        var data = _serverStream.Transform(message);
        return (Signature(_serverSigning, _serverStream, _sent++, message), data);
    }

    private byte[] Signature(byte[] key, Rc4 stream, uint number, ReadOnlySpan<byte> message)
    {
        var signature = new byte[HeaderLength];
        BinaryPrimitives.WriteUInt32LittleEndian(signature, 1);
        BinaryPrimitives.WriteUInt32LittleEndian(signature.AsSpan(12), number);
        var checksum = NtlmHash.HmacMd5(key, [.. signature.AsSpan(12), .. message])[..8];
        (_sealsChecksum ? stream.Transform(checksum) : checksum).CopyTo(signature, 4);
        return signature;
    }

    private static byte[] Derive(byte[] key, ReadOnlySpan<byte> purpose) => NtlmHash.Md5([.. key, .. purpose]);
}
