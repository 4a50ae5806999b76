using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Client;

/// <summary>Opens what the storage unit tells of a VM's images.</summary>
internal static class KnownImages
{
    /// <summary>The images, newest first, opened with the domain's key.</summary>
    public static async Task<IReadOnlyList<KnownImage>> ReadAsync(IImageReader unit, DomainKeys keys, CancellationToken cancel)
    {
        var images = new List<KnownImage>();
        foreach (var stored in await unit.ListImagesAsync(cancel))
        {
            try
            {
                var note = stored.Notes.LastOrDefault(n => n.Kind == NoteKind.Base);
                images.Add(new KnownImage(
                    stored.Header,
                    ImageDetailsCodec.Open(keys, stored),
                    note is null ? null : NoteCodec.OpenBase(keys, stored.Header.Id, note),
                    ImageDoubt.Of(stored, keys) is not null));
            }
            catch (TroubleException)
            {
                // Altered, or never sound: it can be no base, and must not keep the VM from its next backup. A verify tells of it.
            }
        }
        return images;
    }

    /// <summary>Reference points that base notes record, that of the newest base first.</summary>
    public static IReadOnlyList<string> NotedReferencePoints(IReadOnlyList<KnownImage> images) =>
        [.. images.Where(i => i.Base is not null).Select(i => i.Base!.ReferencePointId)];
}
