using Stillpoint.Client;
using Stillpoint.HyperV;
using Stillpoint.Model;

namespace Stillpoint.Roles.Tests.Client;

/// <summary>What is ours goes, what is not stays, and where it cannot be told nothing is touched.</summary>
public sealed class OursTests
{
    private static readonly DateTimeOffset s_noon = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly Guid s_vm = Guid.Parse("11111111-0000-4000-8000-000000000001");
    private static readonly Guid s_job = Guid.Parse("22222222-0000-4000-8000-000000000002");

    [Fact]
    public void A_checkpoint_whose_name_carries_a_job_is_ours_once_the_job_no_longer_runs()
    {
        var named = Recovery("a", Ours.CheckpointName(s_job));
        Assert.Equal(["a"], Left([named], [Snapshot()]).Ours);
        Assert.Empty(Ours.LeftCheckpoints([named], [Snapshot()], job => job == s_job, s_noon.AddDays(-1)).Ours);
    }

    [Fact]
    public void A_name_of_ours_whose_job_nobody_here_knows_may_be_another_clients_running_job_until_it_is_old()
    {
        var named = Recovery("a", Ours.CheckpointName(s_job));
        Assert.Empty(Left([named], []).Ours);
        Assert.Equal(["a"], Ours.LeftCheckpoints([named], [], _ => false, s_noon.AddMinutes(1)).Ours);
    }

    [Fact]
    public void A_checkpoint_that_an_intent_records_is_ours_whatever_its_name() =>
        Assert.Equal(["b"], Left([Recovery("a"), Recovery("b")], [Snapshot(result: "b")]).Ours);

    [Fact]
    public void The_only_new_checkpoint_of_an_unfinished_intent_is_ours() =>
        Assert.Equal(["new"], Left([Recovery("old"), Recovery("new")], [Snapshot(before: "old")]).Ours);

    [Fact]
    public void Of_two_new_checkpoints_neither_is_touched_and_it_is_said()
    {
        var found = Left([Recovery("x"), Recovery("y")], [Snapshot()]);
        Assert.Empty(found.Ours);
        Assert.Contains("x, y", Assert.Single(found.Doubts), StringComparison.Ordinal);
    }

    [Fact]
    public void A_checkpoint_made_hours_after_the_intent_is_anothers() =>
        Assert.Empty(Left([Recovery("late", at: s_noon.AddHours(3))], [Snapshot()]).Ours);

    [Fact]
    public void Checkpoints_of_people_are_never_candidates()
    {
        var user = Recovery("u") with { Kind = CheckpointKind.User, Name = Ours.CheckpointName(s_job) };
        Assert.Empty(Left([user], [Snapshot()]).Ours);
    }

    [Fact]
    public void Only_the_newest_noted_reference_point_stays() =>
        Assert.Equal(["r1"], Ours.LeftReferencePoints(Points("r1", "r2", "foreign"), [], ["r2", "r1", "gone"], _ => false).Ours);

    [Fact]
    public void A_converted_point_without_a_note_is_cleared_and_a_foreign_one_stays()
    {
        var intent = new Intent(Guid.Empty, s_job, s_vm, HostCall.ConvertToReferencePoint, ["foreign", "r2"], null, s_noon);
        Assert.Equal(["r3"], Ours.LeftReferencePoints(Points("r2", "r3", "foreign"), [intent], ["r2"], _ => false).Ours);
    }

    [Fact]
    public void A_recorded_point_that_became_a_base_stays()
    {
        var intent = new Intent(Guid.Empty, s_job, s_vm, HostCall.ConvertToReferencePoint, [], "r3", s_noon);
        Assert.Empty(Ours.LeftReferencePoints(Points("r3"), [intent], ["r3"], _ => false).Ours);
    }

    private static Findings Left(IReadOnlyList<Checkpoint> onHost, IReadOnlyList<Intent> intents) =>
        Ours.LeftCheckpoints(onHost, intents, _ => false, s_noon.AddDays(-1));

    private static Checkpoint Recovery(string id, string name = "web - (1/3/2026)", DateTimeOffset? at = null) =>
        new(id, name, CheckpointKind.Recovery, at ?? s_noon, @"C:\VMs\web\Snapshots\1.vmcx", []);

    private static Intent Snapshot(string? before = null, string? result = null) =>
        new(Guid.Empty, s_job, s_vm, HostCall.CreateSnapshot, before is null ? [] : [before], result, s_noon);

    private static List<ReferencePoint> Points(params IEnumerable<string> ids) => [.. ids.Select(id => new ReferencePoint(id, []))];
}
