using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Store.Tests;

/// <summary>zstd frames that an honest sealer never makes (RFC 8878, section 3.1), sealed with the right key: what a taken client sends.</summary>
public sealed class HostileFrameTests
{
    private const int Block = 128 << 10;
    private static readonly byte[] s_plain = [.. Enumerable.Repeat((byte)'x', Disks.Chunk)];

    [Fact]
    public void A_frame_that_swells_far_past_the_chunk_is_refused_at_its_edge()
    {
        using var keys = new DomainKeys(new byte[32]);
        using var opener = new RecordOpener(keys);
        // 2 GiB in 64 KiB of frame.
        var bomb = Frame(contentSize: null, [.. Enumerable.Repeat(Block, 16_000)]);
        var record = Forged.Record(keys, keys.IdOf(s_plain), bomb, s_plain.Length, compressed: true);
        var around = new byte[3 * Disks.Chunk];
        opener.Open(Sound(keys), keys.IdOf(s_plain), new byte[Disks.Chunk]);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<TroubleException>(() => opener.Open(record, record.Id, around.AsSpan(Disks.Chunk, Disks.Chunk)));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);
        // Not a byte beside its place.
        Assert.False(around.AsSpan(0, Disks.Chunk).ContainsAnyExcept((byte)0));
        Assert.False(around.AsSpan(2 * Disks.Chunk).ContainsAnyExcept((byte)0));
    }

    [Theory]
    [InlineData(Disks.Chunk - 1)]
    [InlineData(Disks.Chunk + 1)]
    [InlineData(1)]
    public void A_frame_of_another_length_than_its_record_says_is_refused(int length)
    {
        using var keys = new DomainKeys(new byte[32]);
        using var opener = new RecordOpener(keys);
        foreach (var said in (long?[])[null, length, Disks.Chunk])
        {
            var record = Forged.Record(keys, keys.IdOf(s_plain), Frame(said, [length]), Disks.Chunk, compressed: true);
            Assert.Throws<TroubleException>(() => opener.Open(record, record.Id, new byte[Disks.Chunk]));
        }
    }

    [Fact]
    public void A_frame_need_not_say_how_long_it_is_and_a_false_claim_is_refused()
    {
        using var keys = new DomainKeys(new byte[32]);
        using var opener = new RecordOpener(keys);
        var target = new byte[Disks.Chunk];
        opener.OpenAndProve(Sound(keys), keys.IdOf(s_plain), target);
        Assert.Equal(s_plain, target);
        foreach (var claim in new[] { 0, Disks.Chunk - 1, Disks.Chunk + 1, 1L << 40, long.MaxValue })
        {
            var record = Forged.Record(keys, keys.IdOf(s_plain), Frame(claim, [Disks.Chunk]), Disks.Chunk, compressed: true);
            Assert.Throws<TroubleException>(() => opener.Open(record, record.Id, target));
        }
    }

    [Fact]
    public void A_window_of_gigabytes_takes_no_memory()
    {
        using var keys = new DomainKeys(new byte[32]);
        using var opener = new RecordOpener(keys);
        // The largest window that the format can name: 3.75 TiB.
        var frame = Frame(contentSize: null, [Disks.Chunk], window: 0xff);
        var record = Forged.Record(keys, keys.IdOf(s_plain), frame, Disks.Chunk, compressed: true);
        var before = Environment.WorkingSet;
        FuzzTarget.Refuses<TroubleException>(() => opener.Open(record, record.Id, new byte[Disks.Chunk]));
        Assert.True(Environment.WorkingSet - before < 256 << 20);
    }

    /// <summary>Warming up leaves no trace: the next sealer makes the bytes that it would have made.</summary>
    [Fact]
    public void What_is_sealed_after_warming_up_is_what_would_have_been_sealed()
    {
        using var keys = new DomainKeys(new byte[32]);
        var plain = Disks.Make(Disks.Chunk, seed: 4, share: 1);
        using var cold = new PackSealer(keys, new SeededRandom(1), 1);
        var expected = cold.Seal(keys.IdOf(plain), plain);
        Parallel.For(0, 4, _ => PackSealer.Warm());
        using var warm = new PackSealer(keys, new SeededRandom(1), 1);
        var made = warm.Seal(keys.IdOf(plain), plain);
        Assert.Equal((expected.Number, expected.Epoch, expected.Id), (made.Number, made.Epoch, made.Id));
        Assert.Equal(0u, made.Number);
        Assert.Equal(expected.PackSalt.ToArray(), made.PackSalt.ToArray());
        Assert.Equal(expected.Bytes.ToArray(), made.Bytes.ToArray());
        using var opener = new RecordOpener(keys);
        var target = new byte[plain.Length];
        opener.OpenAndProve(made, made.Id, target);
        Assert.Equal(plain, target);
    }

    private static SealedRecord Sound(DomainKeys keys) =>
        Forged.Record(keys, keys.IdOf(s_plain), Frame(contentSize: null, [Disks.Chunk]), Disks.Chunk, compressed: true);

    /// <summary>A frame whose blocks each repeat one byte.</summary>
    /// <param name="contentSize">What it says that it holds; null to say nothing.</param>
    /// <param name="blocks">What each block holds.</param>
    /// <param name="window">Window descriptor; 2 MiB.</param>
    private static byte[] Frame(long? contentSize, IReadOnlyList<int> blocks, byte window = 0x58)
    {
        var bytes = new List<byte> { 0x28, 0xb5, 0x2f, 0xfd, (byte)(contentSize is null ? 0x00 : 0xc0), window };
        if (contentSize is { } size) bytes.AddRange(BitConverter.GetBytes(size));
        for (var i = 0; i < blocks.Count; i++)
        {
            var header = blocks[i] << 3 | 1 << 1 | (i == blocks.Count - 1 ? 1 : 0);
            bytes.AddRange([(byte)(header & 0xff), (byte)(header >> 8 & 0xff), (byte)(header >> 16), (byte)'x']);
        }
        return [.. bytes];
    }
}
