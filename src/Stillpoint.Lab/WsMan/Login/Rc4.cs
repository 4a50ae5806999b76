namespace Stillpoint.Lab;

/// <summary>The stream cipher that NTLM seals with (MS-NLMP 3.4.3); one handle a direction, whose stream goes on from message to message.</summary>
internal sealed class Rc4
{
    private readonly byte[] _box = new byte[256];
    private byte _i;
    private byte _j;

    public Rc4(ReadOnlySpan<byte> key)
    {
        for (var i = 0; i < 256; i++) _box[i] = (byte)i;
        byte j = 0;
        for (var i = 0; i < 256; i++)
        {
            j = unchecked((byte)(j + _box[i] + key[i % key.Length]));
            (_box[i], _box[j]) = (_box[j], _box[i]);
        }
    }

    /// <summary>Encrypts or decrypts.</summary>
    public byte[] Transform(ReadOnlySpan<byte> data)
    {
        var result = new byte[data.Length];
        for (var n = 0; n < data.Length; n++)
        {
            _i = unchecked((byte)(_i + 1));
            _j = unchecked((byte)(_j + _box[_i]));
            (_box[_i], _box[_j]) = (_box[_j], _box[_i]);
            result[n] = (byte)(data[n] ^ _box[unchecked((byte)(_box[_i] + _box[_j]))]);
        }
        return result;
    }
}
