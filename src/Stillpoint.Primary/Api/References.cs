using Stillpoint.Catalog;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>Jobs and images by their id or the beginning of it, as people type it.</summary>
internal static class References
{
    private const int Shortest = 4;

    public static Task<Job> Job(CatalogStore catalog, string reference) =>
        Find("job", reference, catalog.Jobs.Find, catalog.Jobs.FindByPrefix);

    public static Task<ImageRecord> Image(CatalogStore catalog, string? reference) =>
        Find("image", reference ?? "", catalog.Images.Find, catalog.Images.FindByPrefix);

    /// <summary>A VM by its name or id, on one host or on any.</summary>
    /// <exception cref="Refusal">There is none, or several are meant.</exception>
    public static async Task<VmView> Vm(CatalogStore catalog, string reference, string? host)
    {
        var found = (await HostRoutes.All(catalog, host)).Where(v => Guid.TryParse(reference, out var id)
            ? v.Vm.Id == id : string.Equals(v.Vm.Name, reference, StringComparison.OrdinalIgnoreCase)).Take(2).ToList();
        return found.Count switch
        {
            0 => throw Refusal.NotFound("vm", reference),
            1 => found[0],
            _ => throw Refusal.Conflict($"vm {reference}", "Several VMs have that name.", "Name the host too (--host), or give the VM's id."),
        };
    }

    private static async Task<T> Find<T>(
        string noun, string reference, Func<Guid, Task<T?>> byId, Func<string, Task<IReadOnlyList<T>>> byPrefix) where T : class
    {
        if (Guid.TryParse(reference, out var id)) return await byId(id) ?? throw Refusal.NotFound(noun, reference);
        if (reference.Length is < Shortest or > 36 || !reference.All(c => char.IsAsciiHexDigit(c) || c == '-'))
            throw Refusal.NotFound(noun, reference);
        var found = await byPrefix(reference);
        return found.Count switch
        {
            0 => throw Refusal.NotFound(noun, reference),
            1 => found[0],
            _ => throw Refusal.Conflict($"{noun} {reference}", "Several ids begin so.", "Give more of the id."),
        };
    }
}
