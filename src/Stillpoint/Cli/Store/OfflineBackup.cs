using System.Security.Cryptography;
using Stillpoint.Chunks;
using Stillpoint.Extents;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Cli;

/// <summary>What <c>store backup</c> was asked to do.</summary>
internal sealed record OfflineBackupOrder(string VmName, IReadOnlyList<string> Disks, string? Base, IReadOnlyList<string>? Changed, int AuditSample);

/// <summary>Backs up disk files into a storage unit, without any server: the pipeline of the client, the session of the media server.</summary>
internal sealed class OfflineBackup(StorageUnit unit, DomainKeys keys, OfflineBackupOrder order)
{
    private const string MissedWrite = "change tracking missed a write", BadBase = "the base is damaged or suspect";

    private string? _fullReason;

    public async Task<ImageSummary> RunAsync(CancellationToken cancel)
    {
        // 1. Open what is read and where it goes.
        var vm = VmIds.OfName(keys, order.VmName);
        await using var writer = await unit.OpenWriterAsync(new WriterScope(keys.Domain, vm), cancel);
        await using var disks = new OpenDisks(order.Disks);
        var baseImage = order.Base is null ? null : FindBase(await writer.ListImagesAsync(cancel), disks);
        if (baseImage is null && order.Base is not null) Terminal.Note($"warning: {_fullReason}: everything is read in full.");
        var created = StoreAccess.Environment.Time.GetUtcNow();

        // 2. Read, name, seal and put each disk.
        using var random = RandomNumberGenerator.Create();
        using var session = new UploadSession(writer, keys, random);
        var streams = new List<StreamHeader>();
        var details = new List<DiskDetails>();
        for (var i = 0; i < disks.Count; i++)
        {
            var (work, audited, reason) = await PlanAsync(writer, disks[i], i, baseImage, cancel);
            using var progress = new ByteProgress(disks.NameOf(i), DiskUpload.BytesToRead(work, unit.Parameters), TimeProvider.System);
            streams.Add(await DiskUpload.RunAsync(session, work, progress, cancel) with { BytesAudited = audited });
            details.Add(disks[i].Details(disks.NameOf(i), work.Changed ?? ExtentSet.Whole(disks[i].Length), reason));
        }

        // 3. Commit.
        var header = new ImageHeader(
            Ids.New(), keys.Domain, vm, Ids.New(), created, baseImage is null ? ImageType.Full : ImageType.DifferentialIncremental, Consistency.Unknown,
            baseImage?.Header.Id, streams);
        var sealedDetails = ImageDetailsCodec.Seal(keys, header, new ImageDetails(order.VmName, null, null, null, null, details, []), random);
        await writer.FlushAsync(cancel);
        await writer.CommitAsync(header, sealedDetails, session.Totals, cancel);
        if (details.Any(d => d.FullReason == MissedWrite)) await MarkSuspectAsync(writer, baseImage!, random, cancel);
        return ImageSummaries.Of(new StoredImage(header, sealedDetails, []), keys);
    }

    /// <summary>The base; null when it was found damaged, so that nothing may be built on it.</summary>
    private StoredImage? FindBase(IReadOnlyList<StoredImage> images, OpenDisks disks)
    {
        if (images.Count == 0) throw new CommandFailedException(ExitCodes.NotFound, $"there is no image of {order.VmName} to build on.", "leave out --base and --changed for a full");
        var found = ImageChoice.Find(images, order.Base!);
        if (found.Notes.Any(n => n.Kind == NoteKind.Suspect) || ImageSummaries.LastVerify(found, keys) is { Result: "damaged" })
        {
            _fullReason = BadBase;
            return null;
        }
        var lengths = found.Header.Streams.Where(s => s.Kind == StreamKind.Disk).Select(s => s.Length).ToList();
        return lengths.SequenceEqual(Enumerable.Range(0, disks.Count).Select(i => disks[i].Length))
            ? found
            : throw new CommandFailedException(ExitCodes.Failed, $"image {found.Header.Id} has other disks, or disks of other sizes.", "run a full backup");
    }

    private async Task<(DiskWork Work, long Audited, string? FullReason)> PlanAsync(
        IImageWriter writer, DiskFileSource disk, int number, StoredImage? baseImage, CancellationToken cancel)
    {
        if (baseImage is null) return (DiskWork.Full(disk), 0, _fullReason);
        var work = DiskWork.Changes(disk, ChangedFile.Read(order.Changed![number], disk.Length), baseImage.Header.Streams[number].Root);
        var pick = new Random(RandomNumberGenerator.GetInt32(int.MaxValue));
        var audit = await TrackingAudit.RunAsync(writer, keys, work, pick, order.AuditSample, cancel);
        if (audit.Missed.IsEmpty) return (work, audit.BytesAudited, null);
        Terminal.Note($"warning: {MissedWrite}: {audit.Missed.Count} of {order.AuditSample} sampled places differ from the base, the first at {audit.Missed[0]}. The disk is read in full.");
        return (DiskWork.Full(disk), audit.BytesAudited, MissedWrite);
    }

    /// <summary>Whatever was built by the same tracking since the last full read may lack the same write.</summary>
    private async Task MarkSuspectAsync(IImageWriter writer, StoredImage first, RandomNumberGenerator random, CancellationToken cancel)
    {
        var images = (await writer.ListImagesAsync(cancel)).ToDictionary(i => i.Header.Id);
        for (var image = first; image is not null && image.Header.BaseImageId is not null; image = images.GetValueOrDefault(image.Header.BaseImageId.Value))
        {
            var id = image.Header.Id;
            await writer.PutNoteAsync(id, NoteKind.Suspect, NoteCodec.SealText(keys, id, NoteKind.Suspect, MissedWrite, random), cancel);
        }
    }

    /// <summary>The disks, in order, under names that are unique within the image.</summary>
    private sealed class OpenDisks : IAsyncDisposable
    {
        private readonly List<(string Name, DiskFileSource Source)> _disks = [];

        public OpenDisks(IReadOnlyList<string> paths)
        {
            try
            {
                foreach (var path in paths)
                {
                    var name = Path.GetFileName(path);
                    var unique = _disks.Any(d => d.Name == name) ? $"{Path.GetFileNameWithoutExtension(name)}-{_disks.Count}{Path.GetExtension(name)}" : name;
                    _disks.Add((unique, DiskFileSource.Open(path)));
                }
            }
            catch
            {
                Close();
                throw;
            }
        }

        public int Count => _disks.Count;

        public DiskFileSource this[int number] => _disks[number].Source;

        public string NameOf(int number) => _disks[number].Name;

        public ValueTask DisposeAsync()
        {
            Close();
            return default;
        }

        private void Close()
        {
            foreach (var (_, source) in _disks) source.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }
}
