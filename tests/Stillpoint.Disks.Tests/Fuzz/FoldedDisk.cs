using System.Buffers.Binary;
using Stillpoint.VirtualDisks;

namespace Stillpoint.Disks.Tests;

/// <summary>
/// A disk's file folded to the bytes that its structures hold, some KiB, so that a fuzzer changes what matters. Byte 0 says the format and which
/// checksums are put right after unfolding (else no changed field would ever be looked at), byte 1 the file's size in MiB; then the pieces.
/// </summary>
internal static class FoldedDisk
{
    private const int Mebibyte = 1 << 20;
    internal const byte IsVhd = 0x80;
    private const byte FixHeaders = 1;
    private const byte FixTables = 2;
    private const byte FixLog = 4;
    private static readonly (int Offset, int Length)[] s_vhdx =
    [
        (0, 16), (64 << 10, 96), (128 << 10, 96), (192 << 10, 96), (256 << 10, 96), (2 * Mebibyte, 256), ((2 * Mebibyte) + (64 << 10), 1024),
        (3 * Mebibyte, 256), ((3 * Mebibyte) + (4096 * 8), 16), (Mebibyte, 8192),
    ];

    private static readonly (int Offset, int Length)[] s_vhd = [(0, 512), (512, 1024), (1536, 1024), (3584, 512)];

    internal static byte[] Fold(byte[] file)
    {
        var vhd = file.AsSpan().StartsWith("conectix"u8);
        using var folded = new MemoryStream();
        folded.WriteByte((byte)((vhd ? IsVhd : 0) | FixHeaders | FixTables | FixLog));
        folded.WriteByte((byte)((file.Length + Mebibyte - 1) / Mebibyte));
        foreach (var (offset, length) in vhd ? s_vhd : s_vhdx) folded.Write(file, offset, length);
        if (vhd) folded.Write(file, file.Length - 512, 512);
        return folded.ToArray();
    }

    internal static SparseFile Unfold(ReadOnlySpan<byte> folded)
    {
        var what = folded.Length > 0 ? folded[0] : (byte)0;
        var length = (folded.Length > 1 ? folded[1] : 0) * (long)Mebibyte;
        var rest = folded.Length > 2 ? folded[2..] : [];
        var pieces = new List<(long, byte[])>();
        foreach (var (offset, size) in (what & IsVhd) != 0 ? s_vhd : s_vhdx) pieces.Add((offset, Take(ref rest, size)));
        if ((what & IsVhd) != 0)
        {
            pieces.Add((length, Take(ref rest, 512)));
            length += 512;
            if ((what & FixHeaders) != 0) FixSum(pieces[0].Item2, 64);
            if ((what & FixHeaders) != 0) FixSum(pieces[^1].Item2, 64);
            if ((what & FixTables) != 0) FixSum(pieces[1].Item2, 36);
            return new SparseFile("x.vhd", length, pieces);
        }
        if ((what & FixHeaders) != 0) foreach (var i in new[] { 1, 2 }) FixCrc(pieces[i].Item2, 4096);
        if ((what & FixTables) != 0) foreach (var i in new[] { 3, 4 }) FixCrc(pieces[i].Item2, 64 << 10);
        if ((what & FixLog) != 0) FixCrc(pieces[^1].Item2, Math.Clamp(BinaryPrimitives.ReadInt32LittleEndian(pieces[^1].Item2.AsSpan(8)), 64, 8192));
        return new SparseFile("x.vhdx", length, pieces);
    }

    /// <summary>Does with a file what a reader does. Whatever it holds, it ends in an answer or a <see cref="DiskFormatException"/>.</summary>
    /// <returns>Why the file was refused; null when it was read.</returns>
    internal static DiskFormatException? Exercise(SparseFile file)
    {
        try
        {
            using var disk = VirtualDisk.Open(file.Path, new DiskOpenOptions { Files = file, WithoutParent = true });
            var buffer = new byte[4096];
            foreach (var run in disk.Map().Take(2000))
            {
                if (!run.IsData) continue;
                disk.Read(run.Offset, buffer.AsSpan(0, (int)Math.Min(run.Length, buffer.Length)));
            }
            if (disk.Kind != DiskKind.Differencing) PartitionReader.Read(disk);
            return null;
        }
        catch (DiskFormatException refused)
        {
            return refused;
        }
    }

    /// <summary>Opens a file for writing (which replays its log), writes at the ends and in the middle, closes it, and reads it again.</summary>
    /// <returns>Why the file was refused; null when it was written.</returns>
    /// <exception cref="InvalidOperationException">What was written was not read again.</exception>
    internal static DiskFormatException? ExerciseWriting(SparseFile file)
    {
        var ids = 0;
        var options = new DiskOpenOptions { Files = file, WithoutParent = true, ReadOnly = false, NewId = () => new Guid(++ids, 0, 0, new byte[8]) };
        byte[] mark = [0xA5, 0x5A, 1];
        try
        {
            var places = new List<long>();
            using (var disk = VirtualDisk.Open(file.Path, options))
            {
                var whole = new byte[disk.LogicalSectorSize];
                foreach (var at in new[] { 0, disk.Length / 2, disk.Length - whole.Length }.Select(at => at / whole.Length * whole.Length).Distinct())
                {
                    mark.CopyTo(whole, 0);
                    disk.Write(at, whole);
                    places.Add(at);
                }
                disk.Flush();
            }
            using var again = VirtualDisk.Open(file.Path, options with { ReadOnly = true, NewId = null });
            var seen = new byte[mark.Length];
            foreach (var at in places)
            {
                again.Read(at, seen);
                if (!seen.AsSpan().SequenceEqual(mark)) throw new InvalidOperationException($"what was written at {at} is not read again");
            }
            return null;
        }
        catch (DiskFormatException refused)
        {
            return refused;
        }
    }

    private static byte[] Take(ref ReadOnlySpan<byte> rest, int length)
    {
        var bytes = new byte[length];
        var n = Math.Min(length, rest.Length);
        rest[..n].CopyTo(bytes);
        rest = rest[n..];
        return bytes;
    }

    private static void FixSum(byte[] bytes, int field)
    {
        bytes.AsSpan(field, 4).Clear();
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(field), ~(uint)bytes.Sum(b => b));
    }

    /// <summary>CRC-32C with the field itself as zero; past the piece the structure is zeros.</summary>
    private static void FixCrc(byte[] bytes, int length)
    {
        bytes.AsSpan(4, 4).Clear();
        var crc = uint.MaxValue;
        for (var i = 0; i < length; i++)
        {
            crc ^= i < bytes.Length ? bytes[i] : (byte)0;
            for (var bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
        }
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), ~crc);
    }
}
