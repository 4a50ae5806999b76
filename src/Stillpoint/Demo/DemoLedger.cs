using Stillpoint.Cli;
using Stillpoint.Model;

namespace Stillpoint.Demo;

/// <summary>One backup of the demo: the image, and the lab's own record of the checkpoint it was read from.</summary>
/// <param name="Vm">The VM's name.</param>
/// <param name="Job">The job that made it.</param>
/// <param name="Image">The image.</param>
/// <param name="Record">The record.</param>
/// <param name="Since">Records since the image's base, this one last; none for a full.</param>
internal sealed record DemoBackup(string Vm, Job Job, ImageRecord Image, LabRecord Record, IReadOnlyList<LabRecord> Since)
{
    public Guid CheckpointId => Record.CheckpointId;

    /// <summary>What the lab counted for a disk since the base: a bound where several counts are added, for the same bytes may be in two.</summary>
    public string LabCount(int disk) => Since.Count == 0
        ? "-"
        : $"{(Since.Count > 1 ? "≤ " : "")}{Bytes.Format(Since.Sum(r => r.Disks[disk].BytesChanged))}";
}

/// <summary>What the demo has seen so far: its backups, and what did not hold.</summary>
internal sealed class DemoLedger(Site site)
{
    private readonly List<DemoBackup> _backups = [];
    private readonly List<string> _broken = [];

    /// <summary>All backups, oldest first.</summary>
    public IReadOnlyList<DemoBackup> Backups => _backups;

    /// <summary>What did not hold.</summary>
    public IReadOnlyList<string> Broken => _broken;

    /// <summary>True while everything held.</summary>
    public bool Held => _broken.Count == 0;

    /// <summary>Notes a claim that must hold.</summary>
    public void Check(bool holds, string claim)
    {
        if (!holds) _broken.Add(claim);
    }

    /// <summary>The first backup of a VM.</summary>
    public DemoBackup First(string vm) => Of(vm).First();

    /// <summary>The last backup of a VM.</summary>
    public DemoBackup Last(string vm) => Of(vm).Last();

    /// <summary>Keeps a backup with the lab's newest record of its VM.</summary>
    public async Task<DemoBackup> KeepAsync(Job job, CancellationToken cancel)
    {
        var image = await site.Api.Get<ImageRecord>($"images/{job.ImageId}", cancel);
        var record = (await site.Lab.RecordsAsync(job.VmName, cancel)).Last(r => r.Kind == "recovery");
        var earlier = _backups.Where(b => b.Vm == job.VmName).Reverse().TakeWhile(b => b.Image.Type != ImageType.Full).Select(b => b.Record).Reverse();
        IReadOnlyList<LabRecord> since = image.Type switch
        {
            ImageType.Full => [],
            ImageType.CumulativeIncremental => [.. earlier, record],
            _ => [record],
        };
        var backup = new DemoBackup(job.VmName, job, image, record, since);
        _backups.Add(backup);
        return backup;
    }

    /// <summary>Runs a restore and waits for it.</summary>
    public async Task<JobView> RestoreAsync(string path, object request, CancellationToken cancel)
    {
        var job = await site.Api.Post<Job>(path, request, cancel);
        var ended = (await site.FollowAsync([job], cancel))[0];
        Check(ended.Job.Outcome == JobOutcome.Ok, $"restore job {ShortId.Of(job.Id)} ends ok{(ended.Job.Trouble is { } t ? $": {t}" : "")}");
        return ended;
    }

    private IEnumerable<DemoBackup> Of(string vm) => _backups.Where(b => b.Vm == vm) is var found && found.Any()
        ? found
        : throw new CommandFailedException(ExitCodes.Failed, $"{vm} was not backed up: {string.Join("; ", _broken)}");
}
