using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>Copies of ends, images and notes make a list quick and decide nothing.</summary>
public sealed class CatalogCopyTests : IAsyncLifetime
{
    private const int Images = 60;

    private int _opened;

    private readonly string _directory = Directory.CreateTempSubdirectory("stillpoint-catalog-").FullName;

    public async ValueTask InitializeAsync() => await SyntheticUnit.MakeImagesAsync(_directory, Images);

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_directory, recursive: true);
        return default;
    }

    [Fact]
    public async Task A_list_reads_the_copies_and_not_each_object()
    {
        var (first, readsBefore) = await ListAsync();
        Assert.Equal(Images, first.Images.Count);
        Assert.InRange(readsBefore, 3 * Images, int.MaxValue);
        Assert.Single(Copies());
        var (second, reads) = await ListAsync();
        Assert.InRange(reads, 1, 6);
        Assert.Equal(first.Images.Select(image => image.Header.Id), second.Images.Select(image => image.Header.Id));
        Assert.All(second.Images, image => Assert.Single(image.Notes));
        Assert.Empty(second.Damaged);
        Assert.Single(Copies());
    }

    [Fact]
    public async Task What_is_gone_is_not_listed_though_it_was_copied()
    {
        await ListAsync();
        File.Delete(Directory.GetFiles(Path.Combine(_directory, "ends"))[0]);
        File.Delete(Directory.GetFiles(Path.Combine(_directory, "notes"))[0]);
        var (list, _) = await ListAsync();
        Assert.Equal(Images - 1, list.Images.Count);
        Assert.InRange(list.Images.Sum(image => image.Notes.Count), Images - 2, Images - 1);
    }

    /// <summary>Images that come later are copied too, and few copies stay.</summary>
    [Fact]
    public async Task Copies_grow_with_the_unit()
    {
        await ListAsync();
        SyntheticUnit.AddImages(_directory, Images, seed: 77);
        var (list, _) = await ListAsync();
        Assert.Equal(2 * Images, list.Images.Count);
        Assert.Single(Copies());
        Assert.InRange((await ListAsync()).Reads, 1, 6);
    }

    [Fact]
    public async Task A_damaged_copy_is_not_believed_and_goes()
    {
        await ListAsync();
        var copy = Assert.Single(Copies());
        var sound = File.ReadAllBytes(copy);
        for (var at = 0; at < sound.Length; at += 997)
        {
            var bytes = sound.ToArray();
            bytes[at] ^= 4;
            foreach (var other in Copies()) File.Delete(other);
            File.WriteAllBytes(copy, bytes);
            var (list, _) = await ListAsync();
            Assert.Equal(Images, list.Images.Count);
            Assert.Empty(list.Damaged);
            Assert.NotEqual(copy, Assert.Single(Copies()));
        }
    }

    /// <summary>A verify does not take a copy's word for an object.</summary>
    [Fact]
    public async Task A_verify_reads_the_objects_themselves()
    {
        await ListAsync();
        var image = Directory.GetFiles(Path.Combine(_directory, "images"))[3];
        var bytes = File.ReadAllBytes(image);
        bytes[^20] ^= 1;
        File.WriteAllBytes(image, bytes);
        Assert.Empty((await ListAsync()).List.Damaged);
        await using var unit = await StorageUnit.OpenInAsync(_directory, SyntheticUnit.Environment(5), default);
        Assert.Single((await unit.ListImagesAsync(strict: false, default, originals: true)).Damaged);
    }

    private string[] Copies() => Directory.Exists(Path.Combine(_directory, "catalog")) ? Directory.GetFiles(Path.Combine(_directory, "catalog")) : [];

    private async Task<(ImageList List, int Reads)> ListAsync()
    {
        var environment = SyntheticUnit.Environment(1000 + ++_opened);
        var volume = new FaultyVolume(new LocalVolume(_directory, environment.NewId));
        await using var unit = await StorageUnit.OpenAsync(volume, environment, default);
        var list = await unit.ListImagesAsync(default);
        return (list, volume.Calls[VolumeCall.Read]);
    }
}
