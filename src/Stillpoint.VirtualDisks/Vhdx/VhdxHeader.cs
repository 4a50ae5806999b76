using System.Buffers.Binary;

namespace Stillpoint.VirtualDisks;

/// <summary>The header (MS-VHDX 2.2.2).</summary>
internal sealed record VhdxHeader(ulong Sequence, Guid FileWriteId, Guid DataWriteId, Guid LogId, long LogOffset, uint LogLength)
{
    private const int ChecksumField = 4;

    internal byte[] ToBytes()
    {
        var bytes = new byte[VhdxLayout.HeaderSize];
        VhdxLayout.HeaderSignature.CopyTo(bytes);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), Sequence);
        FileWriteId.TryWriteBytes(bytes.AsSpan(16));
        DataWriteId.TryWriteBytes(bytes.AsSpan(32));
        LogId.TryWriteBytes(bytes.AsSpan(48));
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(66), 1);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(68), LogLength);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(72), LogOffset);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(ChecksumField), VhdxLayout.Checksum(bytes, ChecksumField));
        return bytes;
    }

    /// <summary>Null when signature or checksum are wrong: the other header counts then.</summary>
    internal static VhdxHeader? Parse(ReadOnlySpan<byte> bytes, string path, long at)
    {
        if (!bytes.StartsWith(VhdxLayout.HeaderSignature)) return null;
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes[ChecksumField..]) != VhdxLayout.Checksum(bytes, ChecksumField)) return null;
        var version = BinaryPrimitives.ReadUInt16LittleEndian(bytes[66..]);
        if (version != 1) throw new DiskFormatException(path, "header", at, $"has version {version}; only 1 is known");
        var header = new VhdxHeader(
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]),
            new Guid(bytes.Slice(16, 16)),
            new Guid(bytes.Slice(32, 16)),
            new Guid(bytes.Slice(48, 16)),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[72..]),
            BinaryPrimitives.ReadUInt32LittleEndian(bytes[68..]));
        var logVersion = BinaryPrimitives.ReadUInt16LittleEndian(bytes[64..]);
        if (header.LogId != Guid.Empty && logVersion != 0)
        {
            throw new DiskFormatException(path, "header", at, $"has log version {logVersion}; only 0 is known");
        }
        if (header.LogLength % VhdxLayout.Mebibyte != 0 || header.LogOffset % VhdxLayout.Mebibyte != 0
            || header.LogOffset < VhdxLayout.Mebibyte || header.LogOffset > VhdxLayout.LongestFile || header.LogLength == 0)
        {
            throw new DiskFormatException(path, "header", at, $"puts the log at {header.LogOffset}, length {header.LogLength}: not whole MiB from 1 MiB on");
        }
        return header;
    }
}

/// <summary>Both headers of a file. An update never touches the current one, so that one valid header is always there.</summary>
internal sealed class VhdxHeaders
{
    private readonly IDiskFile _file;
    private int _slot;
    private bool _unsynced;

    private VhdxHeaders(IDiskFile file, VhdxHeader current, int slot)
    {
        _file = file;
        Current = current;
        _slot = slot;
    }

    internal VhdxHeader Current { get; private set; }

    internal static VhdxHeaders Load(IDiskFile file)
    {
        var found = new VhdxHeader?[2];
        var bytes = new byte[VhdxLayout.HeaderSize];
        for (var i = 0; i < 2; i++)
        {
            file.Read(VhdxLayout.HeaderOffsets[i], bytes);
            found[i] = VhdxHeader.Parse(bytes, file.Path, VhdxLayout.HeaderOffsets[i]);
        }
        if (found[0] is null && found[1] is null)
        {
            throw new DiskFormatException(file.Path, "header", VhdxLayout.HeaderOffsets[0], "neither copy has a valid signature and checksum");
        }
        if (found[0] is { } a && found[1] is { } b && a.Sequence == b.Sequence && a != b)
        {
            throw new DiskFormatException(file.Path, "header", VhdxLayout.HeaderOffsets[0], "both copies have the same sequence number and differ");
        }
        var slot = found[1] is null || (found[0] is not null && found[0]!.Sequence >= found[1]!.Sequence) ? 0 : 1;
        return new(file, found[slot]!, slot);
    }

    /// <summary>Writes the header into the slot that is not current and makes it current; durable on return.</summary>
    internal void Update(VhdxHeader next)
    {
        if (_unsynced) _file.Sync(); // the current slot must be safe before the other is touched
        Write(next);
        _file.Sync();
        _unsynced = false;
    }

    /// <summary>Updates both slots, so that neither holds what was true before. Durable on return: of the second copy nothing hangs, so its
    /// sync can wait.</summary>
    internal void UpdateBoth(VhdxHeader next)
    {
        Update(next);
        Write(next);
        _unsynced = true;
    }

    private void Write(VhdxHeader next)
    {
        if (Current.Sequence == ulong.MaxValue)
        {
            throw new DiskFormatException(_file.Path, "header", VhdxLayout.HeaderOffsets[_slot], "has the last sequence number there is: no header can follow it");
        }
        next = next with { Sequence = Current.Sequence + 1 };
        _slot = 1 - _slot;
        _file.Write(VhdxLayout.HeaderOffsets[_slot], next.ToBytes());
        Current = next;
    }
}
