using Microsoft.Extensions.Time.Testing;
using Stillpoint.Chunks;
using Stillpoint.Extents;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>A unit in a directory of its own, keys, and the few calls that most tests make.</summary>
internal sealed class TestUnit : IAsyncDisposable
{
    private readonly int _seed;
    private int _next;

    private TestUnit(string directory, int seed)
    {
        Directory = directory;
        _seed = seed;
        var master = new byte[32];
        new Random(seed).NextBytes(master);
        Keys = new DomainKeys(master);
        Random = new SeededRandom(seed);
        Time = new FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 0, 0, 0, TimeSpan.Zero));
        Environment = new UnitEnvironment(Time, NewId);
    }

    public string Directory { get; }

    public DomainKeys Keys { get; }

    public SeededRandom Random { get; }

    public FakeTimeProvider Time { get; }

    public UnitEnvironment Environment { get; }

    public StorageUnit Unit { get; private set; } = null!;

    public Guid Vm { get; } = new("11111111-2222-3333-4444-555555555555");

    public static async Task<TestUnit> MakeAsync(int seed = 1, int chunkSize = Disks.Chunk, Func<IVolume, IVolume>? wrap = null, int? lockDays = null)
    {
        var made = new TestUnit(System.IO.Directory.CreateTempSubdirectory("stillpoint-store-").FullName, seed);
        IVolume volume = new LocalVolume(made.Directory, made.NewId);
        made.Unit = await StorageUnit.CreateAsync(wrap is null ? volume : wrap(volume), chunkSize, 1, lockDays, made.Environment, default);
        return made;
    }

    public Guid NewId()
    {
        Span<byte> bytes = stackalloc byte[16];
        new Random(_seed * 1_000_003 + Interlocked.Increment(ref _next)).NextBytes(bytes);
        return new Guid(bytes);
    }

    /// <summary>Opens the unit anew, as another process would.</summary>
    public async Task ReopenAsync()
    {
        await Unit.DisposeAsync();
        Unit = await StorageUnit.OpenInAsync(Directory, Environment, default);
    }

    public Task<StoredImage> BackupAsync(byte[] disk) => BackupAsync(new MemorySource(disk), null, null);

    /// <summary>Backs up one disk, in full or by changes on a base.</summary>
    /// <param name="source">The disk.</param>
    /// <param name="basedOn">The base; null for a full.</param>
    /// <param name="changed">What changed since the base.</param>
    /// <param name="imageId">Id of the image; a new one when null.</param>
    /// <param name="by">The unit as another process has it open; this one when null.</param>
    public async Task<StoredImage> BackupAsync(MemorySource source, StoredImage? basedOn, ExtentSet? changed, Guid? imageId = null, StorageUnit? by = null)
    {
        await using var writer = await (by ?? Unit).OpenWriterAsync(new WriterScope(Keys.Domain), default);
        using var session = new UploadSession(writer, Keys, Random);
        var work = basedOn is null ? DiskWork.Full(source) : DiskWork.Changes(source, changed!, basedOn.Header.Streams[0].Root);
        var stream = await DiskUpload.RunAsync(session, work, null, default);
        Time.Advance(TimeSpan.FromMinutes(1));
        var header = new ImageHeader(
            imageId ?? NewId(), Keys.Domain, Vm, NewId(), Time.GetUtcNow(), basedOn is null ? ImageType.Full : ImageType.DifferentialIncremental,
            Consistency.Off, basedOn?.Header.Id, [stream]);
        var details = Details("web", source.Length);
        var blob = ImageDetailsCodec.Seal(Keys, header, details, Random);
        await writer.CommitAsync(header, blob, session.Totals, default);
        return new StoredImage(header, blob, []);
    }

    public static ImageDetails Details(string vm, long length) => new(
        vm, null, null, null, null, [new DiskDetails("disk.raw", null, null, null, [], 512, ExtentSet.Whole(length), null)], []);

    public async Task<byte[]> RestoreAsync(StoredImage image, StorageUnit? by = null)
    {
        await using var reader = await (by ?? Unit).OpenReaderAsync(new ReaderScope(Keys.Domain), default);
        using var opener = new RecordOpener(Keys);
        var target = new MemoryTarget(image.Header.Streams[0].Length);
        await DiskDownload.RunAsync(reader, opener, image.Header.Streams[0], target, null, default);
        Assert.True(target.Finished);
        return target.Bytes;
    }

    public async ValueTask DisposeAsync()
    {
        await Unit.DisposeAsync();
        Keys.Dispose();
        System.IO.Directory.Delete(Directory, recursive: true);
    }
}
