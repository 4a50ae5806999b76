using System.CommandLine;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary><c>stillpoint schedule</c>.</summary>
internal static class ScheduleCommand
{
    public static Command Create()
    {
        var list = new Command("list", "List the schedules of all policies.");
        list.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            return Print(parsed, (await api.Get<Page<ScheduleView>>("schedules", cancel)).Items);
        });
        return ServerOptions.Noun("schedule", "When policies run.", list);
    }

    public static int Print(ParseResult parsed, IReadOnlyList<ScheduleView> schedules) => Results.List(
        parsed, schedules, ["policy", "schedule", "type", "when", "kept", Column.Whole("last run"), Column.Whole("next run")], s =>
        [
            s.Policy, s.Schedule.Name, Words.Of(s.Schedule.Type), ScheduleText.Every(s.Schedule.Every),
            $"{Counted.Of(s.Schedule.Retention.Days, "day")}, at least {s.Schedule.Retention.KeepLast}", Results.At(s.LastRun), Results.At(s.NextRun),
        ]);
}
