using System.CommandLine;
using Stillpoint.Chunks;
using Stillpoint.Storage;

namespace Stillpoint.Cli;

/// <summary>Finds the image that a person means: an id, the unambiguous beginning of one, or <c>latest</c>, which is the newest of one VM.</summary>
/// <param name="Images">Newest first.</param>
/// <param name="Keys">Keys that read names, and whose domain <c>latest</c> looks at; null for all images, without names.</param>
/// <param name="Vm">The VM that was named, by name or id; null for any.</param>
internal sealed record ImageChoice(IReadOnlyList<StoredImage> Images, DomainKeys? Keys, string? Vm = null)
{
    private const string Latest = "latest";

    /// <summary>So many VMs are named in an error; who has more reads the list.</summary>
    private const int MostNamed = 20;

    public static Option<string?> NewVm() => new("--vm")
    {
        Description = "The virtual machine whose image is meant, by its name, which needs the key, or its id.",
        HelpName = "NAME",
    };

    /// <summary>Finds an image for a command that needs no key: one that was named is used where it tells which image is meant, and asked for its
    /// passphrase only then.</summary>
    /// <param name="unit">The unit.</param>
    /// <param name="text">What was written for the image.</param>
    /// <param name="vm">What was written for the VM.</param>
    /// <param name="tryKeys">The keys; null when no key file was named.</param>
    /// <param name="cancel">Ends the work.</param>
    public static async Task<StoredImage> FindAsync(StorageUnit unit, string text, string? vm, Func<DomainKeys?> tryKeys, CancellationToken cancel)
    {
        var images = (await unit.ListImagesAsync(cancel)).Images;
        using var keys = text == Latest || (vm is not null && !Guid.TryParse(vm, out _)) ? tryKeys() : null;
        return new ImageChoice(images, keys, vm).Find(text);
    }

    private string Whose => Vm is null ? "" : $" of VM {Vm}";

    /// <summary>The image, which the keys open where they are given.</summary>
    /// <param name="text">What was written.</param>
    /// <exception cref="CommandFailedException">None fits, or several do.</exception>
    public StoredImage Find(string text)
    {
        if (Images.Count == 0) throw new CommandFailedException(ExitCodes.NotFound, "there is no image.", "run a backup first");
        var vm = Vm is null ? (Guid?)null : VmIds.Find(Images, Keys, Vm);
        var images = vm is null ? Images : [.. Images.Where(i => i.Header.VmId == vm)];
        return text == Latest ? Newest(images) : Beginning(images, text);
    }

    /// <summary>Of several VMs the newest image is that of whichever was backed up last, which nobody means.</summary>
    private StoredImage Newest(IReadOnlyList<StoredImage> images)
    {
        var readable = Keys is null ? images : [.. images.Where(i => i.Header.Domain == Keys.Domain)];
        if (readable.Count == 0)
        {
            throw new CommandFailedException(
                ExitCodes.Failed, $"{(images.Count == 1 ? "the only image" : $"each of the {images.Count} images")}{Whose} belongs to another key domain than the key.",
                "give the key file that they were made with");
        }
        var vms = readable.GroupBy(i => i.Header.VmId).Select(g => NameOf(g.First())).ToList();
        if (vms.Count == 1) return readable[0];
        var named = string.Join(", ", vms.Order(StringComparer.Ordinal).Take(MostNamed)) + (vms.Count > MostNamed ? $" and {vms.Count - MostNamed} more" : "");
        throw new CommandFailedException(
            ExitCodes.Failed, $"latest of which VM? There are images of {vms.Count}: {named}.",
            Keys is null ? "name the VM: --vm ID, or with the key file --vm NAME" : "name the VM: --vm NAME");
    }

    private StoredImage Beginning(IReadOnlyList<StoredImage> images, string text)
    {
        var prefix = text.Replace("-", "", StringComparison.Ordinal);
        var fits = prefix.Length == 0 ? [] : images.Where(i => i.Header.Id.ToString("N").StartsWith(prefix, StringComparison.OrdinalIgnoreCase)).ToList();
        // An id that begins alike in another domain is not what is meant.
        if (Keys is { } keys && fits.Where(i => i.Header.Domain == keys.Domain).ToList() is { Count: > 0 } own) fits = own;
        return fits.Count switch
        {
            1 when Keys is not null && fits[0].Header.Domain != Keys.Domain => throw new CommandFailedException(
                ExitCodes.Failed, $"image {fits[0].Header.Id} belongs to another key domain than the key.", "give the key file that it was made with"),
            1 => fits[0],
            0 => throw new CommandFailedException(ExitCodes.NotFound, $"no image{Whose} begins with {text}.", "list them with: stillpoint store images UNIT"),
            _ => throw new CommandFailedException(ExitCodes.Failed, $"{fits.Count} images{Whose} begin with {text}.", "write more of the id"),
        };
    }

    /// <summary>The id stands where there is no name: without the key, or where the image does not open.</summary>
    private string NameOf(StoredImage image) => ImageSummaries.TryOf(image, Keys).Summary.Vm ?? image.Header.VmId.ToString();
}
