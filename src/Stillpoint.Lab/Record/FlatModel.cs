using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using Stillpoint.Durable;
using Stillpoint.Extents;

namespace Stillpoint.Lab;

/// <summary>What the record says of one disk at one checkpoint.</summary>
/// <param name="Size">Bytes of the disk.</param>
/// <param name="Sha256">Hash of all its bytes, lower-case hex; null for a disk above <see cref="FlatModel.FullHashLimit"/>.</param>
/// <param name="BlocksSha256">Hash of the hashes of its 64 KiB blocks in order, lower-case hex.</param>
/// <param name="BytesChanged">Bytes written since the checkpoint before: the exact union of the writes, not of blocks.</param>
/// <param name="BytesTouched">Bytes of the 64 KiB blocks that those writes touched.</param>
internal sealed record DiskRecord(long Size, string? Sha256, string BlocksSha256, long BytesChanged, long BytesTouched = 0);

/// <summary>
/// The independent model of one disk: a flat sparse file that gets every guest write beside the virtual disk and never passes through
/// Stillpoint.VirtualDisks. <c>current.raw</c> is the disk now, <c>current.hashes</c> 32 bytes a block (zeros stand for a block of zeros),
/// <c>ID.hashes</c> and <c>ID.json</c> the record at a checkpoint, <c>ID.raw</c> the disk at a user checkpoint.
/// </summary>
internal sealed class FlatModel
{
    /// <summary>Bytes of a block.</summary>
    public const int BlockSize = 64 * 1024;

    /// <summary>Disks above this size get no hash over all their bytes: it would take seconds at each checkpoint.</summary>
    public const long FullHashLimit = 1L << 30;
    private const int HashSize = SHA256.HashSizeInBytes;
    private readonly string _folder;

    /// <param name="folder">Folder of this disk's record.</param>
    public FlatModel(string folder) => _folder = folder;

    /// <summary>True when the model was filled.</summary>
    public bool Exists => File.Exists(At("current.writes"));

    private static ReadOnlySpan<byte> ZeroHash => new byte[HashSize];

    /// <summary>Begins a model.</summary>
    /// <param name="length">Bytes of the disk.</param>
    /// <param name="content">Its data: offset and bytes, in any order; all else is zero.</param>
    public void Create(long length, IEnumerable<(long Offset, ReadOnlyMemory<byte> Bytes)> content)
    {
        Directory.CreateDirectory(_folder);
        var written = new List<Extent>();
        using (var raw = Open("current.raw", FileMode.Create))
        {
            RandomAccess.SetLength(raw, length);
            foreach (var (offset, bytes) in content)
            {
                RandomAccess.Write(raw, bytes.Span, offset);
                written.Add(new Extent(offset, bytes.Length));
            }
            using var hashes = Open("current.hashes", FileMode.Create);
            RandomAccess.SetLength(hashes, Blocks(length) * HashSize);
            Rehash(raw, hashes, ExtentSet.Of(written), length);
        }
        SaveWrites(ExtentSet.Empty);
    }

    /// <summary>Writes bytes into the model; <see cref="Note"/> must have named them before.</summary>
    public sealed class Writer(SafeFileHandle raw) : IDisposable
    {
        /// <summary>Writes.</summary>
        public void Write(long offset, ReadOnlySpan<byte> bytes) => RandomAccess.Write(raw, bytes, offset);

        /// <inheritdoc/>
        public void Dispose() => raw.Dispose();
    }

    /// <summary>Opens the model for writes.</summary>
    public Writer OpenWriter() => new(Open("current.raw", FileMode.Open));

    /// <summary>Notes what is about to be written.</summary>
    public void Note(ExtentSet written) => SaveWrites(LoadWrites().Union(written));

    /// <summary>Takes the record of a checkpoint.</summary>
    /// <param name="id">The checkpoint.</param>
    /// <param name="keepCopy">True for a user checkpoint: the disk's bytes are kept for a revert.</param>
    public DiskRecord Take(Guid id, bool keepCopy)
    {
        var writes = LoadWrites();
        DiskRecord record;
        using (var raw = Open("current.raw", FileMode.Open))
        using (var hashes = Open("current.hashes", FileMode.Open))
        {
            var length = RandomAccess.GetLength(raw);
            Rehash(raw, hashes, writes, length);
            record = new DiskRecord(length, length <= FullHashLimit ? HashAll(raw, length) : null, HashAll(hashes, RandomAccess.GetLength(hashes)),
                writes.TotalLength, writes.AlignOut(BlockSize, length).TotalLength);
            if (keepCopy) Copy(raw, length, At($"{id}.raw"));
            Copy(hashes, RandomAccess.GetLength(hashes), At($"{id}.hashes"));
        }
        DurableFile.Replace(At($"{id}.json"), JsonSerializer.SerializeToUtf8Bytes(record));
        SaveWrites(ExtentSet.Empty);
        return record;
    }

    /// <summary>The record of a checkpoint; null when there is none.</summary>
    public DiskRecord? Find(Guid id) => File.Exists(At($"{id}.json"))
        ? JsonSerializer.Deserialize<DiskRecord>(File.ReadAllBytes(At($"{id}.json")))
        : null;

    /// <summary>Makes the model what it was at a user checkpoint.</summary>
    public void Revert(Guid id)
    {
        var changed = LoadWrites();
        using (var old = Open($"{id}.raw", FileMode.Open))
        {
            Copy(old, RandomAccess.GetLength(old), At("current.raw"));
            using var hashes = Open($"{id}.hashes", FileMode.Open);
            // What differs from the checkpoint before is not worth finding out: after a revert the interval counts what the guest wrote.
            Copy(hashes, RandomAccess.GetLength(hashes), At("current.hashes"));
        }
        SaveWrites(changed);
    }

    /// <summary>Gives the disk another size; new bytes are zero.</summary>
    public void Resize(long length)
    {
        using var raw = Open("current.raw", FileMode.Open);
        var before = RandomAccess.GetLength(raw);
        RandomAccess.SetLength(raw, length);
        using var hashes = Open("current.hashes", FileMode.Open);
        RandomAccess.SetLength(hashes, Blocks(length) * HashSize);
        // The block at the old end is another one now, and so is the one at the new end.
        var edge = ExtentSet.Of([new Extent(Math.Max(0, Math.Min(before, length) - 1), 1)]);
        SaveWrites(LoadWrites().Intersect(ExtentSet.Whole(length)).Union(edge));
    }

    /// <summary>Forgets the kept bytes of a checkpoint; its hashes stay.</summary>
    public void ForgetCopy(Guid id) => File.Delete(At($"{id}.raw"));

    /// <summary>Compares a disk with the record of a checkpoint.</summary>
    /// <param name="id">The checkpoint.</param>
    /// <param name="length">Bytes of the disk to compare.</param>
    /// <param name="data">Where it has data: in a disk above <see cref="FullHashLimit"/> the rest is taken for zeros without reading.</param>
    /// <param name="read">Reads it.</param>
    public Comparison Compare(Guid id, long length, ExtentSet data, Action<long, Memory<byte>> read)
    {
        var record = Find(id) ?? throw new FileNotFoundException($"there is no record of checkpoint {id}");
        using var hashes = Open($"{id}.hashes", FileMode.Open);
        using var raw = Open("current.raw", FileMode.Open);
        using var whole = length <= FullHashLimit ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256) : null;
        var blocks = data.AlignOut(BlockSize, length);
        long? difference = length == record.Size ? null : Math.Min(length, record.Size);
        var block = new byte[BlockSize];
        Span<byte> expected = stackalloc byte[HashSize];
        Span<byte> actual = stackalloc byte[HashSize];
        for (long offset = 0; offset < length; offset += BlockSize)
        {
            var piece = block.AsMemory(0, (int)Math.Min(BlockSize, length - offset));
            if (whole is not null || blocks.Contains(offset)) read(offset, piece);
            else piece.Span.Clear();
            whole?.AppendData(piece.Span);
            if (offset >= record.Size || (difference < offset)) continue;
            Hash(piece.Span, actual);
            RandomAccess.Read(hashes, expected, offset / BlockSize * HashSize);
            if (actual.SequenceEqual(expected)) continue;
            difference = Math.Min(difference ?? long.MaxValue, offset + Within(raw, piece.Span, expected, offset));
        }
        return new Comparison(difference is null, difference, whole is null ? null : Convert.ToHexStringLower(whole.GetHashAndReset()), record.Sha256,
            length, record.Size);
    }

    /// <summary>First byte within a block that differs, when the model's block is still the recorded one; else the block's start.</summary>
    private static int Within(SafeFileHandle raw, ReadOnlySpan<byte> piece, ReadOnlySpan<byte> expected, long offset)
    {
        var own = new byte[piece.Length];
        Span<byte> hash = stackalloc byte[HashSize];
        if (RandomAccess.Read(raw, own, offset) != own.Length) return 0;
        Hash(own, hash);
        return hash.SequenceEqual(expected) ? piece.CommonPrefixLength(own) : 0;
    }

    private static void Rehash(SafeFileHandle raw, SafeFileHandle hashes, ExtentSet writes, long length)
    {
        var block = new byte[BlockSize];
        Span<byte> hash = stackalloc byte[HashSize];
        foreach (var run in writes.AlignOut(BlockSize, length))
        {
            for (var offset = run.Offset; offset < run.End; offset += BlockSize)
            {
                var piece = block.AsSpan(0, (int)Math.Min(BlockSize, length - offset));
                ReadFull(raw, piece, offset);
                Hash(piece, hash);
                RandomAccess.Write(hashes, hash, offset / BlockSize * HashSize);
            }
        }
    }

    private static void Hash(ReadOnlySpan<byte> block, Span<byte> hash)
    {
        if (block.ContainsAnyExcept((byte)0)) SHA256.HashData(block, hash);
        else ZeroHash.CopyTo(hash);
    }

    private static string HashAll(SafeFileHandle file, long length)
    {
        using var whole = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[1 << 20];
        for (long offset = 0; offset < length; offset += buffer.Length)
        {
            var piece = buffer.AsSpan(0, (int)Math.Min(buffer.Length, length - offset));
            ReadFull(file, piece, offset);
            whole.AppendData(piece);
        }
        return Convert.ToHexStringLower(whole.GetHashAndReset());
    }

    /// <summary>Copies a file and leaves holes where there are zeros.</summary>
    private static void Copy(SafeFileHandle from, long length, string to)
    {
        using var target = File.OpenHandle(to, FileMode.Create, FileAccess.Write);
        RandomAccess.SetLength(target, length);
        var buffer = new byte[BlockSize];
        for (long offset = 0; offset < length; offset += BlockSize)
        {
            var piece = buffer.AsSpan(0, (int)Math.Min(BlockSize, length - offset));
            ReadFull(from, piece, offset);
            if (piece.ContainsAnyExcept((byte)0)) RandomAccess.Write(target, piece, offset);
        }
    }

    private static void ReadFull(SafeFileHandle file, Span<byte> buffer, long offset)
    {
        while (buffer.Length > 0)
        {
            var read = RandomAccess.Read(file, buffer, offset);
            if (read == 0) throw new EndOfStreamException("the record ends early");
            buffer = buffer[read..];
            offset += read;
        }
    }

    private static long Blocks(long length) => (length + BlockSize - 1) / BlockSize;

    private string At(string name) => Path.Combine(_folder, name);

    private SafeFileHandle Open(string name, FileMode mode) => File.OpenHandle(At(name), mode, FileAccess.ReadWrite, FileShare.ReadWrite);

    private ExtentSet LoadWrites()
    {
        var runs = JsonSerializer.Deserialize<long[]>(File.ReadAllBytes(At("current.writes"))) ?? [];
        return ExtentSet.Of(runs.Chunk(2).Select(r => new Extent(r[0], r[1])));
    }

    private void SaveWrites(ExtentSet writes) =>
        DurableFile.Replace(At("current.writes"), JsonSerializer.SerializeToUtf8Bytes(
            writes.SelectMany(r => new[] { r.Offset, r.Length }).ToArray()));
}

/// <summary>A disk held against the record of a checkpoint.</summary>
/// <param name="Identical">True when size and every byte are the same.</param>
/// <param name="FirstDifferenceOffset">First byte that differs; the start of its 64 KiB block where the model has moved on; null for none.</param>
/// <param name="Sha256">Hash of the disk that was compared, lower-case hex; null for a large disk.</param>
/// <param name="RecordedSha256">Hash in the record; null for a large disk.</param>
/// <param name="Size">Bytes of the disk that was compared.</param>
/// <param name="RecordedSize">Bytes in the record.</param>
internal sealed record Comparison(bool Identical, long? FirstDifferenceOffset, string? Sha256, string? RecordedSha256, long Size, long RecordedSize);
