using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Client;

/// <summary>The image that a restore reads, opened with the domain's key.</summary>
internal sealed record RestoreSource(IImageReader Unit, DomainKeys Keys, ImageHeader Header, ImageDetails Details)
{
    /// <summary>Writes one stream of the image into a target and makes it durable.</summary>
    public async Task WriteAsync(StreamHeader stream, IDiskTarget target, IProgress<long>? progress, CancellationToken cancel)
    {
        using var opener = new RecordOpener(Keys);
        try
        {
            await DiskDownload.RunAsync(Unit, opener, stream, target, progress, cancel);
        }
        catch (TroubleException failure)
        {
            throw new TroubleException(failure.Trouble with { Culprit = $"{NameOf(stream)}, {failure.Trouble.Culprit}" }, failure);
        }
    }

    private string NameOf(StreamHeader stream) =>
        Disks.Where(d => d.Stream == stream).Select(d => d.Disk.Name).Concat(Files.Where(f => f.Stream == stream).Select(f => f.File.Name)).FirstOrDefault("a stream");

    /// <summary>Finds the image that the order names.</summary>
    public static async Task<RestoreSource> FindAsync(IImageReader unit, DomainKeys keys, Guid imageId, CancellationToken cancel)
    {
        var stored = (await unit.ListImagesAsync(cancel)).FirstOrDefault(i => i.Header.Id == imageId) ?? throw new TroubleException(
            $"image {imageId}",
            "the storage unit has no such image.",
            "List what is there with stillpoint image list; the image may have expired.");
        return new RestoreSource(unit, keys, stored.Header, ImageDetailsCodec.Open(keys, stored));
    }

    /// <summary>The image's disks, each with its stream.</summary>
    public IEnumerable<(StreamHeader Stream, DiskDetails Disk)> Disks =>
        Header.Streams.Where(s => s.Kind == StreamKind.Disk).Zip(Details.Disks);

    /// <summary>The VM's own files in the image, each with its stream; not what we say of it ourselves.</summary>
    public IEnumerable<(StreamHeader Stream, FileDetails File)> Files =>
        Header.Streams.Where(s => s.Kind == StreamKind.File).Zip(Details.Files).Where(f => f.Second.Role != ImageDescription.Role);
}
