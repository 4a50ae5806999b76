using Microsoft.EntityFrameworkCore;
using Stillpoint.Model;

namespace Stillpoint.Catalog;

/// <summary>Which images a list shows; a member that is null does not narrow it.</summary>
/// <param name="Vm">Of this VM: name or id.</param>
/// <param name="Host">Made by this client.</param>
/// <param name="Policy">Of this policy.</param>
public sealed record ImageFilter(string? Vm = null, string? Host = null, string? Policy = null);

/// <summary>Images: a cache of what the storage units hold.</summary>
public sealed class ImageTable
{
    private readonly CatalogFile _file;

    internal ImageTable(CatalogFile file) => _file = file;

    /// <summary>One image; null where there is none.</summary>
    public Task<ImageRecord?> Find(Guid id) => _file.Read(db => db.Images.FirstOrDefaultAsync(i => i.Id == id));

    /// <summary>The images whose id begins so, at most two; <paramref name="prefix"/> holds hexadecimal digits and dashes only.</summary>
    public Task<IReadOnlyList<ImageRecord>> FindByPrefix(string prefix) => _file.Read<IReadOnlyList<ImageRecord>>(async db =>
        await db.Images.Where(i => EF.Functions.Like(i.Id.ToString(), prefix + "%")).Take(2).ToListAsync());

    /// <summary>Newest first.</summary>
    /// <param name="filter">Which.</param>
    /// <param name="limit">At most so many.</param>
    /// <param name="before">Only images with a smaller number.</param>
    public Task<IReadOnlyList<ImageRecord>> List(ImageFilter filter, int limit, long before = long.MaxValue) =>
        _file.Read<IReadOnlyList<ImageRecord>>(async db =>
        {
            var images = db.Images.Where(i => i.Number < before);
            if (filter.Host is { } host) images = images.Where(i => i.Host == host);
            if (filter.Policy is { } policy) images = images.Where(i => i.Policy == policy);
            if (filter.Vm is { } vm) images = Guid.TryParse(vm, out var id) ? images.Where(i => i.VmId == id) : images.Where(i => i.Vm == vm);
            return await images.OrderByDescending(i => i.Number).Take(limit).ToListAsync();
        });

    /// <summary>When the newest image of each VM was made.</summary>
    public Task<IReadOnlyDictionary<Guid, DateTimeOffset>> NewestByVm() => _file.Read<IReadOnlyDictionary<Guid, DateTimeOffset>>(async db =>
        await db.Images.GroupBy(i => i.VmId).Select(g => new { g.Key, Newest = g.Max(i => i.Created) }).ToDictionaryAsync(g => g.Key, g => g.Newest));

    /// <summary>Ids of the VMs of which an image has that name.</summary>
    public Task<IReadOnlyList<Guid>> VmsNamed(string name) => _file.Read<IReadOnlyList<Guid>>(async db =>
        await db.Images.Where(i => i.Vm == name).Select(i => i.VmId).Distinct().ToListAsync());

    /// <summary>Takes images out that their storage unit gave up.</summary>
    public Task Remove(IReadOnlyCollection<Guid> images) => _file.Write(async db =>
    {
        foreach (var some in images.Chunk(CatalogFile.IdsAtOnce)) await db.Images.Where(i => some.Contains(i.Id)).ExecuteDeleteAsync();
    });

    /// <summary>Adds an image, or replaces what was known of it.</summary>
    public Task Put(ImageRecord image) => _file.Write(db => Put(db, image));

    /// <summary>Adds images, or replaces what was known of them, in one transaction.</summary>
    public Task Put(IReadOnlyCollection<ImageRecord> images) => _file.Write(async db =>
    {
        foreach (var some in images.Chunk(CatalogFile.IdsAtOnce))
        {
            var ids = some.Select(i => i.Id).ToArray();
            var known = await db.Images.Where(i => ids.Contains(i.Id)).ToDictionaryAsync(i => i.Id, i => i.Number);
            foreach (var image in some)
            {
                if (known.TryGetValue(image.Id, out var number)) db.Images.Update(image with { Number = number });
                else db.Images.Add(image);
            }
        }
    });

    /// <summary>The storage unit that each of these images is listed in; those that are not listed are left out.</summary>
    public Task<IReadOnlyDictionary<Guid, string>> UnitsOf(IReadOnlyCollection<Guid> images) => _file.Read<IReadOnlyDictionary<Guid, string>>(async db =>
    {
        var units = new Dictionary<Guid, string>();
        foreach (var some in images.Chunk(CatalogFile.IdsAtOnce))
        {
            foreach (var known in await db.Images.Where(i => some.Contains(i.Id)).Select(i => new { i.Id, i.StorageUnit }).ToListAsync())
                units[known.Id] = known.StorageUnit;
        }
        return units;
    });

    internal static async Task Put(CatalogContext db, ImageRecord image)
    {
        var number = await db.Images.Where(i => i.Id == image.Id).Select(i => i.Number).FirstOrDefaultAsync();
        if (number == 0) db.Images.Add(image);
        else db.Images.Update(image with { Number = number });
    }
}
