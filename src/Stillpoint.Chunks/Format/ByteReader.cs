using System.Buffers.Binary;
using System.Text;

namespace Stillpoint.Chunks;

/// <summary>Reads what <see cref="ByteWriter"/> wrote from bytes that may be anything: every length is checked before it is believed.</summary>
public ref struct ByteReader(ReadOnlySpan<byte> bytes, string what)
{
    private ReadOnlySpan<byte> _rest = bytes;
    private readonly string _what = what;

    public readonly int Remaining => _rest.Length;

    public byte U8() => Take(1)[0];

    public ushort U16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

    public uint U32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    /// <summary>A 64-bit integer that is not negative.</summary>
    public long I64()
    {
        var value = BinaryPrimitives.ReadInt64LittleEndian(Take(8));
        return value >= 0 ? value : throw Damage.Of(_what, "a count is negative");
    }

    public long VarInt()
    {
        ulong value = 0;
        for (var shift = 0; shift < 63; shift += 7)
        {
            var next = U8();
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
            {
                if (next == 0 && shift > 0) throw Damage.Of(_what, "an integer is not in its shortest form");
                return checked((long)value);
            }
        }
        throw Damage.Of(_what, "an integer has more than 63 bits");
    }

    /// <summary>A count of things that each take at least <paramref name="least"/> bytes, so that a false one asks for no memory.</summary>
    public int Count(int least, int limit)
    {
        var count = VarInt();
        if (count > limit || count * least > _rest.Length) throw Damage.Of(_what, $"it claims {count} entries");
        return (int)count;
    }

    public Guid Id() => new(Take(16), bigEndian: true);

    public Guid? OptionalId() => Flag() ? Id() : null;

    public NodeId Node() => NodeId.Read(Take(NodeId.Size));

    public bool Flag() => U8() switch
    {
        0 => false,
        1 => true,
        var other => throw Damage.Of(_what, $"a flag is {other}"),
    };

    public string Text()
    {
        var length = Count(1, 1 << 16);
        try
        {
            return s_strict.GetString(Take(length));
        }
        catch (DecoderFallbackException e)
        {
            throw Damage.Of(_what, "a text is not UTF-8", e);
        }
    }

    public string? OptionalText() => Flag() ? Text() : null;

    public ReadOnlySpan<byte> Take(int count)
    {
        if (count < 0 || count > _rest.Length) throw Damage.Of(_what, "it ends too soon");
        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }

    public T Enum<T>() where T : struct, Enum
    {
        var value = (T)(object)(int)U8();
        return System.Enum.IsDefined(value) ? value : throw Damage.Of(_what, $"it holds no {typeof(T).Name} that is known");
    }

    public readonly void End()
    {
        if (_rest.Length != 0) throw Damage.Of(_what, $"{_rest.Length} bytes follow its end");
    }

    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
}
