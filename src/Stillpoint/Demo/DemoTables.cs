using System.Text.RegularExpressions;
using Spectre.Console;
using Stillpoint.Cli;
using Stillpoint.Model;

namespace Stillpoint.Demo;

/// <summary>The demo's tables, made for a terminal of 100 columns.</summary>
internal static partial class DemoTables
{
    private const int MostDetail = 54;

    /// <summary>The last part of a path on the host.</summary>
    public static string FileName(string hostPath) => Short(hostPath[(hostPath.LastIndexOf('\\') + 1)..]);

    /// <summary>Each job's phases with how long they took.</summary>
    public static void Phases(IReadOnlyList<JobView> jobs)
    {
        var table = Terminal.NewTable("VM", "phase", ">seconds", "outcome", "detail");
        foreach (var job in jobs)
        {
            foreach (var phase in job.Phases)
            {
                table.AddRow(
                    phase == job.Phases[0] ? Markup.Escape(job.Job.VmName) : "", Words.Of(phase.Phase), $"{Seconds(phase):0.00}", Colour(phase.Outcome),
                    Markup.Escape(Short(phase.Detail.Replace($" of VM {job.Job.VmName}", "", StringComparison.Ordinal))));
            }
        }
        Terminal.Out.Write(table);
    }

    /// <summary>One job's phases in one line.</summary>
    public static void PhasesInLine(string what, JobView job) =>
        Terminal.Out.WriteLine($"  {what}: {string.Join(", ", job.Phases.Select(p => $"{Words.Of(p.Phase)} {Seconds(p):0.0}"))} s");

    /// <summary>What each disk of a backup cost, beside what the lab counted.</summary>
    public static void Figures(IReadOnlyList<DemoBackup> backups)
    {
        var table = Terminal.NewTable("VM", "disk", ">size", ">changed, the\nlab counted", ">changed, the\nhost told", ">read", ">sent", ">stored");
        foreach (var backup in backups)
        {
            for (var i = 0; i < backup.Image.Disks.Count; i++)
            {
                var disk = backup.Image.Disks[i];
                table.AddRow(
                    i == 0 ? backup.Vm : "", Markup.Escape(Short(disk.Name)), Bytes.Format(disk.Size), backup.LabCount(i),
                    Bytes.Format(disk.BytesChanged), Bytes.Format(disk.BytesRead), Bytes.Format(disk.BytesSent), Bytes.Format(disk.BytesStored));
            }
        }
        Terminal.Out.Write(table);
        foreach (var (vm, disk) in backups.SelectMany(b => b.Image.Disks.Select(d => (b.Vm, Disk: d))).Where(d => d.Disk.FullReason is not null))
            Terminal.Out.WriteLine($"  {vm}, {Short(disk.Name)} was read in full: {Short(disk.FullReason!)}");
    }

    /// <summary>All images: what was protected, what it cost.</summary>
    public static void Summary(IReadOnlyList<DemoBackup> backups)
    {
        var table = Terminal.NewTable("image", "VM", "type", "consistency", ">protected", ">stored", ">seconds");
        foreach (var backup in backups)
        {
            var disks = backup.Image.Disks;
            var seconds = backup.Job is { Started: { } from, Ended: { } to } ? (to - from).TotalSeconds : 0;
            table.AddRow(
                ShortId.Of(backup.Image.Id), backup.Vm, Words.Of(backup.Image.Type), Words.Of(backup.Image.Consistency),
                Bytes.Format(disks.Sum(d => d.Size)), Bytes.Format(disks.Sum(d => d.BytesStored)), $"{seconds:0.0}");
        }
        Terminal.Out.Write(table);
    }

    private static double Seconds(PhaseRecord phase) => ((phase.Ended ?? phase.Started) - phase.Started).TotalSeconds;

    /// <summary>Ids by their first eight digits, as commands take them; a long text cut off where the whole is told elsewhere.</summary>
    private static string Short(string text)
    {
        var shorter = Id().Replace(text, "$1");
        return shorter.Length <= MostDetail ? shorter : shorter[..(MostDetail - 1)].TrimEnd() + "…";
    }

    private static string Colour(PhaseOutcome outcome) => outcome switch
    {
        PhaseOutcome.Ok => "[green]ok[/]",
        PhaseOutcome.Warning => "[yellow]warning[/]",
        PhaseOutcome.Failed => "[red]failed[/]",
        _ => Words.Of(outcome),
    };

    [GeneratedRegex(@"(?:Microsoft:)?(?<![0-9A-Fa-f])([0-9A-Fa-f]{8})-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}\b")]
    private static partial Regex Id();
}
