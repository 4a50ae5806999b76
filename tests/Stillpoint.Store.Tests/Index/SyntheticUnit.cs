using System.Buffers.Binary;
using Microsoft.Extensions.Time.Testing;
using Stillpoint.Chunks;
using Stillpoint.Extents;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>A large unit for bench/index: packs with true headers and trailers whose records are holes, so that a hundred million chunks take
/// 4 GB of trailers and not 2.6 TB; and images with true objects.</summary>
internal static class SyntheticUnit
{
    /// <summary>Records of a pack of 64 MiB, as chunks of 64 KiB that compress to 26 KB fill it.</summary>
    public const int RecordsPerPack = 2500;

    private const int StoredLength = 26_000;

    public static DomainKeys Keys { get; } = new(new byte[32]);

    public static FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 3, 1, 0, 0, 0, TimeSpan.Zero));

    public static UnitEnvironment Environment(int seed)
    {
        var random = new Random(seed);
        return new UnitEnvironment(Time, () =>
        {
            lock (random) return NewId(random);
        });
    }

    /// <summary>The id of chunk number <paramref name="i"/>; the same ones in every process.</summary>
    public static ChunkId Chunk(long i) => new(Mix(unchecked((ulong)i * 2)), Mix(unchecked((ulong)i * 2 + 1)), 0, (ulong)i);

    public static async Task MakePacksAsync(string directory, long chunks)
    {
        await using var unit = await StorageUnit.CreateInAsync(directory, 64 << 10, 1, Environment(1), default);
        var folder = Directory.CreateDirectory(Path.Combine(directory, UnitNames.Packs(Keys.Domain)));
        var packs = checked((int)(chunks / RecordsPerPack));
        Parallel.For(0, packs, new ParallelOptions { MaxDegreeOfParallelism = 2 }, number => WritePack(unit.Parameters.UnitId, folder.FullName, number));
    }

    public static async Task MakeImagesAsync(string directory, int images)
    {
        await using (await StorageUnit.CreateInAsync(directory, 64 << 10, 1, Environment(2), default))
            AddImages(directory, images, seed: 4);
    }

    public static void AddImages(string directory, int images, int seed)
    {
        using var salts = new SeededRandom(seed + 1);
        var random = new Random(seed);
        foreach (var folder in new[] { "ends", "images", "notes" }) Directory.CreateDirectory(Path.Combine(directory, folder));
        for (var i = 0; i < images; i++)
        {
            Guid id = NewId(random), session = NewId(random), vm = new(i % 100, 0, 0, new byte[8]);
            var root = new byte[32];
            random.NextBytes(root);
            var stream = new StreamHeader(
                StreamKind.Disk, 64L << 30, NodeId.Read(root), 1 << 30, 1 << 30, 1 << 24, 1 << 29, 1 << 28, 1 << 28);
            var header = new ImageHeader(
                id, Keys.Domain, vm, NewId(random), Time.GetUtcNow().AddMinutes(i), ImageType.DifferentialIncremental, Consistency.Application, null, [stream]);
            var ranges = new ExtentSetBuilder();
            for (var at = 0; at < 200; at++) ranges.Add(new Extent(at * (256L << 20), 1 << 20));
            var details = TestUnit.Details("web", 64L << 30);
            details = details with { Disks = [details.Disks[0] with { Read = ranges.Build() }] };
            var bytes = new ImageObject(session, header, ImageDetailsCodec.Seal(Keys, header, details, salts), []).Encode();
            Put(directory, UnitNames.Image(id, session), bytes);
            var digest = System.Security.Cryptography.SHA256.HashData(bytes);
            Put(directory, UnitNames.End(session), new SessionEnd(session, EndState.Committed, id, digest, Time.GetUtcNow()).Encode());
            var note = NoteCodec.Seal(Keys, id, new VerifyResult(Time.GetUtcNow(), "sound", VerifyKind.Full), salts);
            var made = new NoteObject(id, NewId(random), new ImageNote(NoteKind.Verified, Time.GetUtcNow(), note));
            Put(directory, made.Name, made.Encode());
        }
    }

    private static void Put(string directory, string name, byte[] bytes) => File.WriteAllBytes(Path.Combine(directory, name), bytes);

    private static void WritePack(Guid unit, string folder, int number)
    {
        var id = new Guid((uint)number, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
        var header = new PackHeader(PackKind.Data, 1, unit, Keys.Domain, id, new Guid(1, 0, 0, new byte[8]), new byte[StoreFormat.SaltSize]);
        var entries = new PackEntry[RecordsPerPack];
        long offset = PackFormat.HeaderSize;
        for (var i = 0; i < entries.Length; i++)
        {
            entries[i] = new PackEntry(Chunk((long)number * RecordsPerPack + i), (uint)offset, StoredLength);
            offset += StoreFormat.RecordHeaderSize + StoredLength;
        }
        using var file = File.OpenHandle(Path.Combine(folder, $"{id:N}.data"), FileMode.CreateNew, FileAccess.Write);
        var head = new byte[PackFormat.HeaderSize];
        PackFormat.WriteHeader(header, head);
        RandomAccess.Write(file, head, 0);
        RandomAccess.Write(file, PackFormat.WriteTrailer(entries, offset), offset);
    }

    private static Guid NewId(Random random)
    {
        Span<byte> bytes = stackalloc byte[16];
        random.NextBytes(bytes);
        return new Guid(bytes);
    }

    // SplitMix64.
    private static ulong Mix(ulong x)
    {
        unchecked
        {
            x += 0x9e3779b97f4a7c15;
            x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
            x = (x ^ x >> 27) * 0x94d049bb133111eb;
            return x ^ x >> 31;
        }
    }
}
