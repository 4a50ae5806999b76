using Stillpoint.Model;

namespace Stillpoint.Chunks;

/// <summary>Stored images as lists show them.</summary>
public static class ImageSummaries
{
    /// <summary>The summary of an image.</summary>
    /// <param name="image">The image.</param>
    /// <param name="keys">Keys of its domain; without them, or with another domain's, names and the verify's result are left out.</param>
    /// <exception cref="TroubleException">The details or a note were altered.</exception>
    public static ImageSummary Of(StoredImage image, DomainKeys? keys)
    {
        ArgumentNullException.ThrowIfNull(image);
        var header = image.Header;
        var mine = keys?.Domain == header.Domain ? keys : null;
        var details = mine is null ? null : ImageDetailsCodec.Open(mine, image);
        var disks = new List<DiskFigures>();
        for (var i = 0; i < header.Streams.Count; i++)
        {
            var stream = header.Streams[i];
            if (stream.Kind != StreamKind.Disk) continue;
            var disk = details?.Disks.ElementAtOrDefault(i);
            disks.Add(new DiskFigures(
                disk?.Name ?? $"disk {i}", stream.Length, stream.BytesChanged, stream.BytesRead, stream.BytesAudited, stream.BytesSent, stream.BytesWire,
                stream.BytesStored, disk?.FullReason));
        }
        return new ImageSummary(
            header.Id, header.VmId, details?.VmName, header.JobId, header.Created, header.Type, header.Consistency, details?.Method, disks,
            image.Notes.Any(n => n.Kind == NoteKind.Base), mine is null ? null : LastVerify(image, mine));
    }

    /// <summary>As <see cref="Of"/>; of an image that does not open what needs no key, and why it does not. One image that a taken client
    /// committed must not hide the others.</summary>
    public static (ImageSummary Summary, Trouble? Trouble) TryOf(StoredImage image, DomainKeys? keys)
    {
        try
        {
            return (Of(image, keys), null);
        }
        catch (TroubleException e)
        {
            return (Of(image, null), e.Trouble);
        }
    }

    /// <summary>The last verify of an image; null when there was none.</summary>
    public static VerifyResult? LastVerify(StoredImage image, DomainKeys keys)
    {
        ArgumentNullException.ThrowIfNull(image);
        return image.Notes.LastOrDefault(n => n.Kind is NoteKind.Verified or NoteKind.Damaged) switch
        {
            null => null,
            { Kind: NoteKind.Damaged } damaged =>
                new VerifyResult(damaged.Written, "damaged", damaged.Payload.IsOpen ? VerifyKind.Stored : VerifyKind.Full),
            var note => NoteCodec.OpenVerified(keys, image.Header.Id, note),
        };
    }
}
