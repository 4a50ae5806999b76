using System.Security.Cryptography;
using Stillpoint.Chunks;
using Stillpoint.Extents;
using Stillpoint.HyperV;
using Stillpoint.Model;

namespace Stillpoint.Client;

/// <summary>What a transfer needs to know.</summary>
internal sealed record TransferJob(
    BackupOrder Order, VirtualMachine Vm, OpenCheckpoint Open, BaseChoice Choice, IReadOnlyList<KnownImage> Images);

/// <summary>Phase 4: reads the frozen disks and the VM's configuration, sends what the unit lacks, and commits the image.</summary>
internal sealed class ImageTransfer(ClientServices services, JobLine line, IImageWriter unit, DomainKeys keys)
{
    /// <summary>Sends and commits; returns the image as lists show it.</summary>
    public async Task<ImageSummary> RunAsync(TransferJob job, CancellationToken cancel)
    {
        var disks = new List<FrozenDisk>();
        try
        {
            foreach (var slot in job.Open.Checkpoint.Disks) disks.Add(FrozenDisk.Open(services, slot, UniqueName(slot, disks)));
            var (choice, alsoRead) = Reach(job);
            var plans = await ReadPlan.MakeAsync(disks, choice, alsoRead, services.Host, cancel);

            foreach (var full in plans.Select(p => p.Full).OfType<FullRead>().Distinct().Where(f => !f.IsExpected)) await line.WarnAsync($"unexpected full: {full.Reason}.");

            var heldBack = services.Pace.HeldBack;
            using var upload = new UploadSession(unit, keys, services.Random);
            var meter = line.Meter(plans.Sum(p => DiskUpload.BytesToRead(p.Work, unit.Unit)));
            meter.OnHalf = () => Kill.Reach(KillPoint.TransferHalf);
            var sent = new List<SentDisk>();
            foreach (var plan in plans) sent.Add(await SendDiskAsync(upload, plan, meter, job, cancel));
            var files = await SendFilesAsync(upload, job, cancel);

            if (services.Pace.HeldBack - heldBack is { Ticks: > 0 } held)
                await line.LogAsync($"the host's storage was slow: reading was held back for {held.TotalSeconds:0.#} seconds.");

            await unit.FlushAsync(cancel);
            Kill.Reach(KillPoint.ChunksDurable);
            return await CommitAsync(upload, job, sent, files, cancel);
        }
        finally
        {
            foreach (var disk in disks) await disk.DisposeAsync();
        }
    }

    /// <summary>What a cumulative incremental reads besides: the ranges stored with the images since the last full. Where one of those images is
    /// gone its ranges are not known, so everything is read.</summary>
    private static (BaseChoice Choice, IReadOnlyList<KnownImage> AlsoRead) Reach(TransferJob job)
    {
        if (job.Order.Type != ImageType.CumulativeIncremental || job.Choice.Image is not { } newest) return (job.Choice, []);
        return BaseDecision.SinceLastFull(newest, job.Images) is { } chain
            ? (job.Choice, chain)
            : (BaseChoice.InFull(FullReadCause.ImageGone, "an image between the last full and the base is gone"), []);
    }

    private async Task<SentDisk> SendDiskAsync(UploadSession upload, DiskPlan plan, TransferMeter meter, TransferJob job, CancellationToken cancel)
    {
        line.Detail($"reading {plan.Disk.Name}");
        if (plan.Full is { } full) await line.LogAsync($"{plan.Disk.Name} is read in full: {full.Reason}");
        var audited = 0L;
        if (plan.Changed is not null && job.Order.TrackingAudit)
        {
            var audit = await AuditAsync(plan, job, cancel);
            audited = audit.BytesAudited;
            if (!audit.Missed.IsEmpty) plan = plan.InFull(FullReadCause.AuditFailed, $"change tracking of disk {plan.Disk.Name} missed a write at byte {audit.Missed[0].Offset}");
        }
        var stream = await DiskUpload.RunAsync(upload, plan.Work, meter.Stream(), cancel);
        var details = new DiskDetails(
            plan.Disk.Name, plan.Disk.Slot.Path, plan.Disk.Slot.SettingId, plan.Disk.VirtualDiskId, plan.Disk.ChainWriteIds,
            plan.Disk.LogicalSectorSize, plan.Changed ?? ExtentSet.Whole(plan.Disk.Length), plan.Full?.Reason);
        return new SentDisk(stream with { BytesAudited = audited }, details, plan.Full?.Cause);
    }

    /// <summary>Reads random chunks that the change list does not touch. A difference means that images since the last full may lack writes.</summary>
    private async Task<AuditResult> AuditAsync(DiskPlan plan, TransferJob job, CancellationToken cancel)
    {
        var seed = new byte[sizeof(int)];
        services.Random.GetBytes(seed);
        var result = await TrackingAudit.RunAsync(
            unit, keys, plan.Work, new Random(BitConverter.ToInt32(seed)), TrackingAudit.DefaultSample, cancel);
        if (result.Missed.IsEmpty) return result;
        await line.WarnAsync($"change tracking missed a write on disk {plan.Disk.Name}; it is read in full, and the images since the last full are suspect.");
        foreach (var image in BaseDecision.SinceLastFull(job.Choice.Image!, job.Images) ?? [job.Choice.Image!])
        {
            var note = NoteCodec.SealText(keys, image.Header.Id, NoteKind.Suspect, "the tracking audit found a write that change tracking missed", services.Random);
            await unit.PutNoteAsync(image.Header.Id, NoteKind.Suspect, note, cancel);
        }
        return result;
    }

    private async Task<IReadOnlyList<SentFile>> SendFilesAsync(UploadSession upload, TransferJob job, CancellationToken cancel)
    {
        var checkpoint = job.Open.Checkpoint;
        var sent = new List<SentFile>();
        var stem = HostPaths.StemOf(checkpoint.ConfigurationPath);
        foreach (var path in services.Files.List(HostPaths.FolderOf(checkpoint.ConfigurationPath), stem + ".*"))
        {
            await using var source = new HostFileSource(services.Files.OpenRead(path));
            var stream = await DiskUpload.RunAsync(upload, DiskWork.Full(source, StreamKind.File), progress: null, cancel);
            var isConfiguration = string.Equals(path, checkpoint.ConfigurationPath, StringComparison.OrdinalIgnoreCase);
            sent.Add(new SentFile(stream, new FileDetails(HostPaths.FileOf(path), isConfiguration ? RestorePlaces.ConfigurationRole : "companion")));
        }
        if (!sent.Exists(f => f.Details.Role == RestorePlaces.ConfigurationRole))
        {
            throw new TroubleException(
                $"file {checkpoint.ConfigurationPath}", "the checkpoint's configuration is not there.", "Look at the VM's checkpoint folder on the host.");
        }
        var vm = new InventoryRun(services.Host, services.Files).Tell(job.Vm);
        var description = new ImageDescription(vm, await services.Host.GetHostNameAsync(cancel), job.Open.Taken, job.Open.Achieved, line.Findings);
        await using var text = description.ToSource();
        var told = await DiskUpload.RunAsync(upload, DiskWork.Full(text, StreamKind.File), progress: null, cancel);
        return [.. sent, new SentFile(told, new FileDetails(ImageDescription.FileName, ImageDescription.Role))];
    }

    private async Task<ImageSummary> CommitAsync(
        UploadSession upload, TransferJob job, IReadOnlyList<SentDisk> disks, IReadOnlyList<SentFile> files, CancellationToken cancel)
    {
        var full = disks.All(d => d.Details.Read.Equals(ExtentSet.Whole(d.Stream.Length)));
        var header = new ImageHeader(
            job.Order.ImageId, keys.Domain, job.Vm.Id, job.Order.JobId, job.Open.Taken, full ? ImageType.Full : job.Order.Type, job.Open.Achieved,
            full ? null : job.Choice.Image?.Header.Id, [.. disks.Select(d => d.Stream), .. files.Select(f => f.Stream)]);
        var details = new ImageDetails(
            job.Vm.Name, BackupMethod.Wmi, await services.Host.GetHostNameAsync(cancel), job.Open.Checkpoint.Id,
            await services.Host.GetLastAppliedSnapshotAsync(job.Vm.Id, cancel), [.. disks.Select(d => d.Details)], [.. files.Select(f => f.Details)]);
        await unit.CommitAsync(header, ImageDetailsCodec.Seal(keys, header, details, services.Random), upload.Totals, cancel);
        Kill.Reach(KillPoint.ImageCommitted);
        line.Detail($"image {header.Id} committed: {Bytes.Format(disks.Sum(d => d.Stream.BytesRead))} read, {Bytes.Format(disks.Sum(d => d.Stream.BytesSent))} sent");
        return new ImageSummary(
            header.Id, header.VmId, details.VmName, header.JobId, header.Created, header.Type, header.Consistency, details.Method,
            [.. disks.Select(d => d.Figures)]) { Findings = line.Findings };
    }

    private static string UniqueName(VirtualDiskSetting slot, IReadOnlyList<FrozenDisk> others)
    {
        var name = HostPaths.FileOf(slot.Path);
        for (var n = 2; others.Any(o => string.Equals(o.Name, name, StringComparison.OrdinalIgnoreCase)); n++)
            name = $"{HostPaths.StemOf(slot.Path)}-{n}.vhdx";
        return name;
    }

    private sealed record SentDisk(StreamHeader Stream, DiskDetails Details, FullReadCause? Cause)
    {
        public DiskFigures Figures => new(
            Details.Name, Stream.Length, Stream.BytesChanged, Stream.BytesRead, Stream.BytesAudited, Stream.BytesSent, Stream.BytesWire,
            Stream.BytesStored, Details.FullReason) { FullCause = Cause };
    }

    private sealed record SentFile(StreamHeader Stream, FileDetails Details);
}
