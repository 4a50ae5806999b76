using Stillpoint.Chunks;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>A unit that processes work on, opened by the test itself: a process more for each look would cost more than the look.</summary>
internal sealed class OpenUnit : IAsyncDisposable
{
    private readonly StorageUnit _unit;
    private readonly DomainKeys _keys;

    private OpenUnit(StorageUnit unit, DomainKeys keys) => (_unit, _keys) = (unit, keys);

    public static async Task<OpenUnit> OpenAsync(string unit, string keyFile)
    {
        var opened = await StorageUnit.OpenInAsync(unit, new UnitEnvironment(TimeProvider.System, () => Guid.Empty), default);
        return new OpenUnit(opened, new DomainKeys(KeyFile.Parse(await File.ReadAllBytesAsync(keyFile), keyFile)));
    }

    /// <summary>Its images; an image that cannot be read fails the test.</summary>
    public async Task<IReadOnlyList<StoredImage>> ImagesAsync()
    {
        var list = await _unit.ListImagesAsync(default);
        Assert.Empty(list.Damaged);
        return list.Images;
    }

    /// <summary>The images that were given up in it.</summary>
    public async Task<HashSet<Guid>> GivenUpAsync() => (await _unit.Keepings.AllAsync(default)).Where(k => k.Value.Expired).Select(k => k.Key).ToHashSet();

    public async Task ExpectSoundAsync() => Assert.Empty((await UnitVerify.RunAsync(_unit, _keys, null, default)).Damage);

    /// <summary>The bytes of an image's one disk.</summary>
    public async Task<byte[]> RestoreAsync(StoredImage image)
    {
        await using var reader = await _unit.OpenReaderAsync(new ReaderScope(_keys.Domain), default);
        using var opener = new RecordOpener(_keys);
        var target = new MemoryTarget(image.Header.Streams[0].Length);
        await DiskDownload.RunAsync(reader, opener, image.Header.Streams[0], target, null, default);
        Assert.True(target.Finished);
        return target.Bytes;
    }

    public async ValueTask DisposeAsync()
    {
        await _unit.DisposeAsync();
        _keys.Dispose();
    }
}
