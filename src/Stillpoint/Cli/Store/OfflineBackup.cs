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
        // The second core opens the disks beside it, which takes as long as a short session does to begin.
        var opening = Task.Run(() => new OpenDisks(order), CancellationToken.None);
        await using var writer = await OpenWriterAsync(vm, opening, cancel);
        await using var disks = await opening;
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
            var work = baseImage is null
                ? DiskWork.Full(disks[i])
                : DiskWork.Changes(disks[i], disks.ChangedOf(i), baseImage.Header.Streams[i].Root);
            var (sent, read, reason) = await SendAsync(session, work, disks.NameOf(i), cancel);
            streams.Add(sent);
            details.Add(disks[i].Details(disks.NameOf(i), read, reason));
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

    private async Task<IImageWriter> OpenWriterAsync(Guid vm, Task<OpenDisks> disks, CancellationToken cancel)
    {
        try
        {
            return await unit.OpenWriterAsync(new WriterScope(keys.Domain, vm), cancel);
        }
        catch
        {
            // The unit's trouble is told; that of a disk would be the next run's.
            await ((Task)disks).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (disks.IsCompletedSuccessfully) await disks.Result.DisposeAsync();
            throw;
        }
    }

    /// <summary>The base; null when it was found damaged, so that nothing may be built on it.</summary>
    private StoredImage? FindBase(IReadOnlyList<StoredImage> images, OpenDisks disks)
    {
        if (images.Count == 0) throw new CommandFailedException(ExitCodes.NotFound, $"there is no image of {order.VmName} to build on.", "leave out --base and --changed for a full");
        var found = new ImageChoice(images, keys).Find(order.Base!);
        if (ImageDoubt.Of(found, keys) is not null)
        {
            _fullReason = BadBase;
            return null;
        }
        var lengths = found.Header.Streams.Where(s => s.Kind == StreamKind.Disk).Select(s => s.Length).ToList();
        return lengths.SequenceEqual(Enumerable.Range(0, disks.Count).Select(i => disks[i].Length))
            ? found
            : throw new CommandFailedException(ExitCodes.Failed, $"image {found.Header.Id} has other disks, or disks of other sizes.", "run a full backup");
    }

    /// <summary>Uploads a disk. The tracking audit reads beside the upload; where it finds a missed write, all of the disk follows, of which the unit
    /// then has what was sent already.</summary>
    private async Task<(StreamHeader Stream, ExtentSet Read, string? FullReason)> SendAsync(
        UploadSession session, DiskWork work, string name, CancellationToken cancel)
    {
        if (work.Changed is null) return (await UploadAsync(session, work, name, cancel), ExtentSet.Whole(work.Source.Length), _fullReason);
        var pick = new Random(RandomNumberGenerator.GetInt32(int.MaxValue));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var auditing = Task.Run(() => TrackingAudit.RunAsync(session.Writer, keys, work, pick, order.AuditSample, stop.Token), stop.Token);
        StreamHeader stream;
        try
        {
            stream = await UploadAsync(session, work, name, cancel);
        }
        catch
        {
            // The source is closed when this returns, so nobody may still be reading it.
            await stop.CancelAsync();
            await auditing.ContinueWith(static t => _ = t.Exception, TaskScheduler.Default);
            throw;
        }
        var audit = await auditing;
        if (audit.Missed.IsEmpty) return (stream with { BytesAudited = audit.BytesAudited }, work.Changed, null);
        Terminal.Note($"warning: {MissedWrite}: {audit.Missed.Count} of {order.AuditSample} sampled places differ from the base, the first at {audit.Missed[0]}. The disk is read in full.");
        stream = await UploadAsync(session, DiskWork.Full(work.Source), name, cancel);
        return (stream with { BytesAudited = audit.BytesAudited }, ExtentSet.Whole(work.Source.Length), MissedWrite);
    }

    private async Task<StreamHeader> UploadAsync(UploadSession session, DiskWork work, string name, CancellationToken cancel)
    {
        using var progress = new ByteProgress(name, DiskUpload.BytesToRead(work, unit.Parameters), TimeProvider.System);
        return await DiskUpload.RunAsync(session, work, progress, cancel);
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

    /// <summary>The disks, in order, under names that are unique within the image, each with its change list.</summary>
    private sealed class OpenDisks : IAsyncDisposable
    {
        private readonly List<(string Name, DiskFileSource Source)> _disks = [];
        private readonly List<ExtentSet> _changed = [];

        public OpenDisks(OfflineBackupOrder order)
        {
            try
            {
                foreach (var path in order.Disks)
                {
                    var name = Path.GetFileName(path);
                    var unique = _disks.Any(d => d.Name == name) ? $"{Path.GetFileNameWithoutExtension(name)}-{_disks.Count}{Path.GetExtension(name)}" : name;
                    _disks.Add((unique, DiskFileSource.Open(path)));
                }
                if (order.Changed is { } lists) _changed.AddRange(lists.Select((list, i) => ChangedFile.Read(list, _disks[i].Source.Length)));
            }
            catch
            {
                Close();
                throw;
            }
        }

        public int Count => _disks.Count;

        public DiskFileSource this[int number] => _disks[number].Source;

        public ExtentSet ChangedOf(int number) => _changed[number];

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
