using System.Collections.Concurrent;
using Stillpoint.Chunks;
using Stillpoint.Extents;
using Stillpoint.Model;

namespace Stillpoint.Store.Tests;

/// <summary>Keys, records and small secrets.</summary>
public sealed class SealingTests
{
    private static readonly byte[] s_master = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];

    [Fact]
    public void A_record_opens_as_itself_only()
    {
        using var keys = new DomainKeys(s_master);
        using var sealer = new PackSealer(keys, new SeededRandom(1), 1);
        using var opener = new RecordOpener(keys);
        var plain = Disks.Make(Disks.Chunk, 5, 1);
        var id = keys.IdOf(plain);
        var record = sealer.Seal(id, plain);
        var target = new byte[plain.Length];
        opener.OpenAndProve(record, id, target);
        Assert.Equal(plain, target);

        var other = keys.IdOf("other"u8);
        Refused(record, other);
        Refused(record with { Id = other }, other);
        Refused(record with { Number = record.Number + 1 }, id);
        Refused(record with { Epoch = 1 }, id);
        Refused(record with { PackSalt = new byte[32] }, id);
        Refused(record with { Compressed = !record.Compressed }, id);
        Assert.Throws<TroubleException>(() => opener.Open(record, id, new byte[plain.Length - 1]));
        var bytes = record.Bytes.ToArray();
        for (var i = 0; i < bytes.Length; i += 97)
        {
            bytes[i] ^= 4;
            Refused(record with { Bytes = bytes }, id);
            bytes[i] ^= 4;
        }
        using var stranger = new DomainKeys(new byte[32]);
        using var strange = new RecordOpener(stranger);
        Assert.Throws<TroubleException>(() => strange.Open(record, id, target));

        void Refused(SealedRecord changed, ChunkId expected) => Assert.Throws<TroubleException>(() => opener.Open(changed, expected, target));
    }

    [Fact]
    public void What_does_not_compress_is_stored_plain_and_what_does_is_not()
    {
        using var keys = new DomainKeys(s_master);
        using var sealer = new PackSealer(keys, new SeededRandom(1), 1);
        var noise = new byte[Disks.Chunk];
        new Random(1).NextBytes(noise);
        var record = sealer.Seal(keys.IdOf(noise), noise);
        Assert.False(record.Compressed);
        Assert.Equal(noise.Length + StoreFormat.TagSize, record.Bytes.Length);
        var text = new byte[Disks.Chunk];
        text.AsSpan().Fill(65);
        Assert.True(sealer.Seal(keys.IdOf(text), text) is { Compressed: true, Bytes.Length: < 200 });
    }

    [Fact]
    public void No_pack_and_number_is_used_twice_whatever_the_threads()
    {
        using var keys = new DomainKeys(s_master);
        using var sealer = new PackSealer(keys, new SeededRandom(1), 1);
        var noise = new byte[512 << 10];
        new Random(1).NextBytes(noise);
        var id = keys.IdOf(noise);
        var seen = new ConcurrentBag<(string, uint)>();
        Parallel.For(0, 300, _ =>
        {
            var record = sealer.Seal(id, noise);
            seen.Add((Convert.ToHexString(record.PackSalt.Span), record.Number));
        });
        Assert.Equal(300, seen.Distinct().Count());
        Assert.Equal(3, seen.Select(s => s.Item1).Distinct().Count());
    }

    [Fact]
    public void Domains_and_keys_are_what_they_always_were()
    {
        using var keys = new DomainKeys(s_master);
        Assert.Equal(s_domain, keys.Domain.ToString());
        Assert.Equal(s_chunk, keys.IdOf("stillpoint"u8).ToString());
        Assert.Equal(s_packKey, Convert.ToHexStringLower(keys.PackKey(0, s_master)));
        Assert.NotEqual(s_packKey, Convert.ToHexStringLower(keys.PackKey(1, s_master)));
    }

    [Fact]
    public void A_secret_opens_in_its_own_context_only()
    {
        using var keys = new DomainKeys(s_master);
        var blob = keys.Seal(SealedKind.Note, "context"u8, "secret"u8, new SeededRandom(3));
        Assert.Equal("secret"u8.ToArray(), keys.Open(SealedKind.Note, "context"u8, blob));
        Assert.Throws<TroubleException>(() => keys.Open(SealedKind.Note, "other"u8, blob));
        Assert.Throws<TroubleException>(() => keys.Open(SealedKind.Details, "context"u8, blob));
        Assert.Throws<TroubleException>(() => keys.Open(SealedKind.Note, "context"u8, blob with { Epoch = 1 }));
        Assert.Throws<TroubleException>(() => keys.Open(SealedKind.Note, "context"u8, blob with { Bytes = blob.Bytes[..^1] }));
        Assert.Throws<TroubleException>(() => keys.Open(SealedKind.Note, "context"u8, blob with { Bytes = default }));
    }

    [Fact]
    public void Details_are_bound_to_their_header()
    {
        using var keys = new DomainKeys(s_master);
        var header = new ImageHeader(
            new Guid(1, 0, 0, new byte[8]), keys.Domain, Guid.Empty, Guid.Empty, DateTimeOffset.UnixEpoch, ImageType.Full, Consistency.Application, null,
            [new StreamHeader(StreamKind.Disk, 1 << 20, new NodeId(1, 2, 3, 4), 5, 6, 7, 8, 9, 10), new StreamHeader(StreamKind.File, 12, default, 0, 0, 0, 0, 0, 0)]);
        var disk = new DiskDetails("a.vhdx", @"C:\a.vhdx", "slot", Guid.Empty, [Guid.Empty], 4096, ExtentSet.Of(new Extent(512, 512), new Extent(1 << 19, 4)), "why");
        var details = new ImageDetails("wéb", BackupMethod.Vss, "host", "checkpoint", null, [disk], [new FileDetails("c.vmcx", "configuration")]);
        var blob = ImageDetailsCodec.Seal(keys, header, details, new SeededRandom(3));
        var read = ImageDetailsCodec.Open(keys, new StoredImage(header, blob, []));
        Assert.Equal(details with { Disks = read.Disks, Files = read.Files }, read);
        Assert.Equal(disk with { ChainWriteIds = read.Disks[0].ChainWriteIds }, read.Disks[0]);
        Assert.Equal(disk.ChainWriteIds, read.Disks[0].ChainWriteIds);
        Assert.Equal(details.Files, read.Files);
        var moved = header with { Streams = [header.Streams[0] with { Root = new NodeId(9, 2, 3, 4) }, header.Streams[1]] };
        Assert.Throws<TroubleException>(() => ImageDetailsCodec.Open(keys, new StoredImage(moved, blob, [])));
        var again = ImageHeaderCodec.Decode(ImageHeaderCodec.Encode(header));
        Assert.Equal(header with { Streams = again.Streams }, again);
        Assert.Equal(header.Streams, again.Streams);
    }

    [Fact]
    public void Key_files_read_back_and_slips_are_seen()
    {
        var file = KeyFile.Format(s_master);
        Assert.Equal(s_master, KeyFile.Parse(file, "key"));
        for (var i = 0; i < file.Length - 1; i++)
        {
            var slip = (byte[])file.Clone();
            slip[i] = slip[i] == (byte)'1' ? (byte)'2' : (byte)'1';
            Assert.Throws<TroubleException>(() => KeyFile.Parse(slip, "key"));
        }
        Assert.Throws<TroubleException>(() => KeyFile.Parse("stillpoint-key 1 00 00"u8, "key"));
        Assert.Throws<TroubleException>(() => KeyFile.Parse(new byte[5000], "key"));
        Assert.Throws<TroubleException>(() => KeyFile.Parse([], "key"));
    }

    [Fact]
    public void A_record_travels()
    {
        using var keys = new DomainKeys(s_master);
        using var sealer = new PackSealer(keys, new SeededRandom(1), 1);
        var plain = Disks.Make(Disks.Chunk, 5, 1);
        var record = sealer.Seal(keys.IdOf(plain), plain);
        var bytes = new byte[SealedCodec.RecordPrefixSize + record.Bytes.Length];
        SealedCodec.WritePrefix(record, bytes);
        record.Bytes.CopyTo(bytes.AsMemory(SealedCodec.RecordPrefixSize));
        var read = SealedCodec.ReadRecord(bytes);
        Assert.Equal((record.Number, record.Epoch, record.Id, record.PlainLength, record.Compressed), (read.Number, read.Epoch, read.Id, read.PlainLength, read.Compressed));
        Assert.Equal(record.PackSalt.ToArray(), read.PackSalt.ToArray());
        Assert.Equal(record.Bytes.ToArray(), read.Bytes.ToArray());
        Assert.Throws<TroubleException>(() => SealedCodec.ReadRecord(bytes.AsMemory(0, bytes.Length - 1)));
        Assert.Throws<TroubleException>(() => SealedCodec.ReadRecord(bytes.AsMemory(0, 20)));
    }

    // Computed with other implementations of HKDF and BLAKE3 than ours.
    private const string s_domain = "bd9baf59-a788-46d3-aa73-94fd1d35e987";
    private const string s_chunk = "4bb3aaa549e8ba5e2fc123677e1a67db17a7595412c8feaa2e59a10a65aeda9b";
    private const string s_packKey = "a67558358f29b5863e33b8d20396c95953ab0ce50f3654fe03d2587be3180b10";
}
