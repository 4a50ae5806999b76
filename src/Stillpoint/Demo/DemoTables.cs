using Spectre.Console;
using Stillpoint.Cli;
using Stillpoint.Model;

namespace Stillpoint.Demo;

/// <summary>The demo's tables.</summary>
internal static class DemoTables
{
    /// <summary>Each job's phases with how long they took.</summary>
    public static void Phases(IReadOnlyList<JobView> jobs)
    {
        var table = Terminal.NewTable("VM", "phase", ">seconds", "outcome", "detail");
        foreach (var job in jobs)
        {
            foreach (var phase in job.Phases)
            {
                var seconds = ((phase.Ended ?? phase.Started) - phase.Started).TotalSeconds;
                table.AddRow(
                    phase == job.Phases[0] ? Markup.Escape(job.Job.VmName) : "", Words.Of(phase.Phase), $"{seconds:0.00}", Colour(phase.Outcome),
                    Markup.Escape(phase.Detail));
            }
        }
        Terminal.Out.Write(table);
    }

    /// <summary>What each disk of a backup cost, beside what the lab counted.</summary>
    public static void Figures(IReadOnlyList<DemoBackup> backups)
    {
        var table = Terminal.NewTable("VM", "disk", ">size", ">changed (lab)", ">changed (host)", ">read", ">sent", ">on the wire", ">stored", "why full");
        foreach (var backup in backups)
        {
            for (var i = 0; i < backup.Image.Disks.Count; i++)
            {
                var disk = backup.Image.Disks[i];
                table.AddRow(
                    i == 0 ? backup.Vm : "", Markup.Escape(disk.Name), Bytes.Format(disk.Size), Bytes.Format(backup.Record.Disks[i].BytesChanged),
                    Bytes.Format(disk.BytesChanged), Bytes.Format(disk.BytesRead), Bytes.Format(disk.BytesSent), Bytes.Format(disk.BytesWire),
                    Bytes.Format(disk.BytesStored), Markup.Escape(disk.FullReason ?? ""));
            }
        }
        Terminal.Out.Write(table);
    }

    /// <summary>All images: what was protected, what it cost.</summary>
    public static void Summary(IReadOnlyList<DemoBackup> backups)
    {
        var table = Terminal.NewTable("image", "VM", "type", "consistency", ">protected", ">read", ">sent", ">stored", ">seconds");
        foreach (var backup in backups)
        {
            var disks = backup.Image.Disks;
            var seconds = backup.Job is { Started: { } from, Ended: { } to } ? (to - from).TotalSeconds : 0;
            table.AddRow(
                ShortId.Of(backup.Image.Id), backup.Vm, Words.Of(backup.Image.Type), Words.Of(backup.Image.Consistency),
                Bytes.Format(disks.Sum(d => d.Size)), Bytes.Format(disks.Sum(d => d.BytesRead)), Bytes.Format(disks.Sum(d => d.BytesSent)),
                Bytes.Format(disks.Sum(d => d.BytesStored)), $"{seconds:0.0}");
        }
        Terminal.Out.Write(table);
    }

    private static string Colour(PhaseOutcome outcome) => outcome switch
    {
        PhaseOutcome.Ok => "[green]ok[/]",
        PhaseOutcome.Warning => "[yellow]warning[/]",
        PhaseOutcome.Failed => "[red]failed[/]",
        _ => Words.Of(outcome),
    };
}
