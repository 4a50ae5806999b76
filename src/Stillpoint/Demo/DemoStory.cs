using Spectre.Console;
using Stillpoint.Cli;
using Stillpoint.Model;

namespace Stillpoint.Demo;

/// <summary>
/// The demo, step by step, as a user would do it through the same API: protect three VMs, back them up in full and incrementally, see a failure
/// told clearly, restore, and have the lab compare what came back with its own record. Whatever does not hold is said and fails the demo.
/// </summary>
internal sealed class DemoStory(Site site, bool kept)
{
    private const string Nightly = "nightly";
    private const string Legacy = "legacy";
    private const long GuestWrites = 2_000_000;
    private static readonly string[] s_quiesced = ["web", "db"];
    private readonly DemoLedger _ledger = new(site);
    private readonly long _started = TimeProvider.System.GetTimestamp();

    /// <summary>Tells the story; true when all of it held.</summary>
    public async Task<bool> RunAsync(CancellationToken cancel)
    {
        Terminal.Out.WriteLine("Stillpoint demo: a simulated Hyper-V host, backed up and restored on this machine.");
        await StartAsync(cancel);
        await ProtectAsync(cancel);
        await FullAsync(cancel);
        await IncrementalAsync(cancel);
        await CumulativeAsync(cancel);
        await NotQuiescedAsync(cancel);
        await RestoreAsync(cancel);
        await SumUpAsync(cancel);
        return _ledger.Held;
    }

    private async Task StartAsync(CancellationToken cancel)
    {
        Heading(1, "A lab host, and the roles as processes of their own");
        await site.StartAsync([], cancel);
        var table = Terminal.NewTable("role", ">pid", "address", "joined");
        table.AddRow("lab (Hyper-V host)", $"{site["lab"].Id}", site["lab"].Endpoint("wsman"), "");
        table.AddRow("primary server", $"{site["primary"].Id}", site["primary"].Endpoint("api"), "is the certificate authority");
        table.AddRow("media server", $"{site["media"].Id}", site["media"].Endpoint("data"), "with a one-time token");
        table.AddRow("client", $"{site["client"].Id}", "connects out, opens no port", "with a one-time token");
        Terminal.Out.Write(table);

        await site.VmsAsync(cancel);
        // Somebody's checkpoint makes web's disk a chain of two files: what its guest writes from here on lies in parts of blocks.
        await site.Lab.UserCheckpointAsync("web", cancel);
        var vms = Terminal.NewTable("VM", ">generation", "state", "guest can be quiesced", ">checkpoints", "disks");
        foreach (var vm in await site.Lab.VmsAsync(cancel))
        {
            vms.AddRow(
                vm.Name, $"{vm.Generation}", vm.State, vm.CanQuiesce ? "yes" : "no", $"{vm.Checkpoints.Count}",
                Markup.Escape(string.Join(", ", vm.Disks.Select(d => DemoTables.FileName(d.Path)))));
        }
        Terminal.Out.Write(vms);
        Terminal.Out.WriteLine("  The checkpoint of web is somebody's own; Stillpoint leaves it alone.");
    }

    private async Task ProtectAsync(CancellationToken cancel)
    {
        Heading(2, "Two policies, WMI method, block-level incremental");
        Schedule[] schedules =
        [
            Schedule("full", ImageType.Full), Schedule("incremental", ImageType.DifferentialIncremental), Schedule("cumulative", ImageType.CumulativeIncremental),
        ];
        await site.Api.Post<PolicyView>("policies", NewPolicy(Nightly, s_quiesced, schedules), cancel);
        await site.Api.Post<PolicyView>("policies", NewPolicy(Legacy, ["legacy"], schedules), cancel);
        var table = Terminal.NewTable("policy", "VMs", "consistency", "schedules", "storage unit");
        table.AddRow(Nightly, string.Join(", ", s_quiesced), Words.Of(ConsistencyPolicy.Application), string.Join(", ", schedules.Select(s => s.Name)), Site.UnitName);
        table.AddRow(Legacy, "legacy", Words.Of(ConsistencyPolicy.Application), string.Join(", ", schedules.Select(s => s.Name)), Site.UnitName);
        Terminal.Out.Write(table);
    }

    private async Task FullAsync(CancellationToken cancel)
    {
        Heading(3, "Full backup");
        await BackUpAsync(Nightly, "full", cancel);
    }

    private async Task IncrementalAsync(CancellationToken cancel)
    {
        Heading(4, "The guests write on; a differential-incremental moves only what changed");
        await WriteAsync(seed: 1, cancel);
        await BackUpAsync(Nightly, "incremental", cancel);
    }

    private async Task CumulativeAsync(CancellationToken cancel)
    {
        Heading(5, "They write again; a cumulative-incremental reads what changed since the full");
        await WriteAsync(seed: 2, cancel);
        await BackUpAsync(Nightly, "cumulative", cancel);
    }

    private async Task NotQuiescedAsync(CancellationToken cancel)
    {
        Heading(6, "A guest that cannot be quiesced");
        var failed = (await site.RunAsync(Legacy, "full", null, cancel))[0];
        DemoTables.Phases([failed]);
        _ledger.Check(failed.Job.Outcome == JobOutcome.Failed, "an application-consistent backup of legacy fails");
        if (failed.Job.Trouble is { } trouble)
        {
            Terminal.Out.MarkupLineInterpolated($"  [red]failed, as it must:[/] {trouble.Culprit}: {trouble.Message}");
            Terminal.Out.MarkupLineInterpolated($"  [yellow]next:[/] {trouble.NextStep}");
        }
        var vm = await site.Lab.VmAsync("legacy", cancel);
        _ledger.Check(vm.Checkpoints.Count == 0 && vm.ReferencePoints.Count == 0, "the failed backup left nothing on the host");

        var policy = (await site.Api.Get<PolicyView>($"policies/{Legacy}", cancel)).Policy;
        await site.Api.Put<PolicyView>($"policies/{Legacy}", policy with { Consistency = ConsistencyPolicy.ApplicationThenCrash }, cancel);
        Terminal.Out.WriteLine("  The policy is changed to application-then-crash:");
        var images = await BackUpAsync(Legacy, "full", cancel);
        _ledger.Check(images.All(i => i.Consistency == Consistency.Crash), "the image says crash");
    }

    private async Task RestoreAsync(CancellationToken cancel)
    {
        Heading(7, "Restore: a VM under new names and a disk to a file, from the first and from the last image");
        var table = Terminal.NewTable("restored", "from image", "taken", ">size", "against the lab's record");
        foreach (var backup in new[] { _ledger.First("web"), _ledger.Last("web") })
        {
            var name = backup == _ledger.First("web") ? "web-first" : "web-last";
            var job = await _ledger.RestoreAsync("restores/vm", new { image = backup.Image.Id, host = Site.HostName, name, start = true }, cancel);
            await CompareAsync(table, backup, job, new RestoredDisks($"VM {name}", job.Job.RestoredFiles, 0), cancel);
            var state = (await site.Lab.VmsAsync(cancel)).FirstOrDefault(v => v.Name == name)?.State;
            _ledger.Check(state == "running", $"the restored VM {name} runs");
        }
        foreach (var backup in new[] { _ledger.First("db"), _ledger.Last("db") })
        {
            var disk = backup.Image.Disks[1].Name;
            var target = $@"C:\Restored\{(backup == _ledger.First("db") ? "first" : "last")}-{disk}";
            var job = await _ledger.RestoreAsync("restores/disk", new { image = backup.Image.Id, host = Site.HostName, disk, file = target }, cancel);
            await CompareAsync(table, backup, job, new RestoredDisks(target, job.Job.RestoredFiles, 1), cancel);
        }
        Terminal.Out.Write(table);
        var left = (await site.Lab.VmAsync("web", cancel)).Checkpoints;
        _ledger.Check(left is [{ Kind: "user" }], "web has the checkpoint that was not ours, and no other");
    }

    private async Task CompareAsync(Table table, DemoBackup backup, JobView job, RestoredDisks restored, CancellationToken cancel)
    {
        DemoTables.PhasesInLine(restored.What, job);
        _ledger.Check(restored.Files.Count > 0, $"the restore of {restored.What} wrote a disk");
        foreach (var verdict in await DiskVerdict.OfAsync(site.Lab, backup.CheckpointId, restored, cancel))
        {
            _ledger.Check(verdict.Identical, verdict.ToString());
            table.AddRow(
                Markup.Escape(restored.What), ShortId.Of(backup.Image.Id), $"{backup.Image.Created:HH:mm:ss}",
                Bytes.Format(backup.Image.Disks[verdict.Disk].Size), verdict.Identical ? "[green]identical[/]" : $"[red]{verdict.Finding}[/]");
            Terminal.Out.WriteLine($"  {verdict}");
        }
    }

    private async Task SumUpAsync(CancellationToken cancel)
    {
        Heading(8, "What was protected");
        DemoTables.Summary(_ledger.Backups);
        var memory = site.Roles.Sum(r => r.PeakMemory()) + Environment.WorkingSet;
        var seconds = TimeProvider.System.GetElapsedTime(_started).TotalSeconds;
        var unit = new DirectoryInfo(site.UnitFolder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(f => f.Length);
        var size = _ledger.Backups.SelectMany(b => b.Image.Disks).Sum(d => d.Size);
        var vms = _ledger.Backups.Select(b => b.Vm).Distinct().Count();
        var facts = Terminal.NewTable("", "").HideHeaders();
        facts.AddRow("protected", $"{_ledger.Backups.Count} images of {vms} VMs, each complete in itself: {Bytes.Format(size)} of disks");
        facts.AddRow("stored", $"{Bytes.Format(unit)}, deduplicated, compressed, encrypted: 1 part in {Math.Max(1, size / Math.Max(1, unit))}");
        facts.AddRow("where", kept ? Markup.Escape(site.UnitFolder) : "in a temporary folder that goes when the demo ends");
        facts.AddRow("time", $"{seconds:0.0} s");
        facts.AddRow("memory, all processes", $"{Bytes.Format(memory)} at most");
        Terminal.Out.Write(facts);
        foreach (var broken in _ledger.Broken) Terminal.Out.MarkupLineInterpolated($"[red]did not hold:[/] {broken}");
        Terminal.Out.MarkupLine(_ledger.Held ? "[green]Everything held.[/]" : "[red]The demo failed.[/]");
        if (kept)
        {
            Terminal.Out.WriteLine("Next, with no server running:");
            Terminal.Out.WriteLine($"  export STILLPOINT_KEY_FILE={site.KeyFile}");
            Terminal.Out.WriteLine($"  stillpoint store images {site.UnitFolder}");
            Terminal.Out.WriteLine($"  stillpoint store verify {site.UnitFolder}");
            Terminal.Out.WriteLine($"  stillpoint store restore {site.UnitFolder} {ShortId.Of(_ledger.Last("web").Image.Id)} web.raw");
        }
        else
        {
            Terminal.Out.WriteLine("Next: 'stillpoint demo --keep DIR' keeps the storage unit, to look at it with 'stillpoint store'.");
            Terminal.Out.WriteLine("      How to protect a host of yours: README, \"Protect a host\".");
        }
    }

    private async Task<IReadOnlyList<ImageRecord>> BackUpAsync(string policy, string schedule, CancellationToken cancel)
    {
        var jobs = await site.RunAsync(policy, schedule, null, cancel);
        DemoTables.Phases(jobs);
        var backups = new List<DemoBackup>();
        foreach (var job in jobs)
        {
            _ledger.Check(job.Job.Outcome is JobOutcome.Ok, $"{schedule} backup of {job.Job.VmName} ends ok{(job.Job.Trouble is { } t ? $": {t}" : "")}");
            if (job.Job.Outcome is JobOutcome.Ok or JobOutcome.Partial) backups.Add(await _ledger.KeepAsync(job.Job, cancel));
        }
        DemoTables.Figures(backups);
        return [.. backups.Select(b => b.Image)];
    }

    private async Task WriteAsync(int seed, CancellationToken cancel)
    {
        foreach (var vm in s_quiesced)
        {
            var wrote = await site.Lab.WriteAsync(vm, GuestWrites, seed, cancel);
            Terminal.Out.WriteLine($"  the guest of {vm} wrote {Bytes.Format(wrote.BytesWritten)}");
        }
    }

    private static Policy NewPolicy(string name, IReadOnlyList<string> vms, IReadOnlyList<Schedule> schedules) => new(
        name, BackupMethod.Wmi, Site.UnitName, [.. vms.Select(v => new VmSelection(Site.HostName, v))], BlockLevelIncremental: true,
        ConsistencyPolicy.Application, GuestBackupType.Copy, schedules);

    private static Schedule Schedule(string name, ImageType type) => new(name, type, null, new Retention(Days: 30, KeepLast: 2));

    private static void Heading(int number, string text)
    {
        Terminal.Out.WriteLine();
        Terminal.Out.MarkupLineInterpolated($"[bold]{number}  {text}[/]");
    }
}
