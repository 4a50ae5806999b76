using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>Says for good which records are damaged, so that the next backup that meets such a chunk sends it again, and who brought them.</summary>
internal static class BadMarks
{
    public static async Task WriteAsync(StorageUnit unit, Guid domain, IEnumerable<PackVerify.Result> results, List<string> damage, CancellationToken cancel)
    {
        try
        {
            foreach (var result in results)
            {
                foreach (var offset in result.Bad)
                {
                    var writer = ObjectFrame.Begin(ObjectFrame.BadMagic);
                    writer.I64(unit.Environment.Time.GetUtcNow().UtcTicks);
                    var name = UnitNames.Bad(new BadRecord(result.Pack.Header.Pack, offset), domain);
                    await unit.Volume.PutIfAbsentAsync(name, ObjectFrame.End(writer), cancel);
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            damage.Add($"what is damaged could not be written down: {e.Message}");
        }
    }

    /// <summary>Who brought a pack whose content is not what its ids say: its session, and the image that it committed.</summary>
    public static string Uploader(StorageUnit unit, PackFile pack)
    {
        var session = pack.Header.Session;
        if (session == Guid.Empty) return "sealed anew by a collect, which had proved it then";
        return unit.Catalog.ImageOf(session) is { } image
            ? $"first sent by the backup of image {image.Id:D} (job {image.JobId:D}, VM {image.VmId:D}, {image.Created:u})"
            : $"first sent by session {session:N}, which committed no image";
    }
}
