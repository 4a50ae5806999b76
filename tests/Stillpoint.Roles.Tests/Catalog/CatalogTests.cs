using Microsoft.Extensions.Time.Testing;
using Stillpoint.Catalog;
using Stillpoint.Model;
using Stillpoint.Roles.Tests.Transport;

namespace Stillpoint.Roles.Tests.Catalog;

public sealed class CatalogTests : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2030, 5, 1, 12, 0, 0, TimeSpan.Zero));
    private CatalogStore _catalog = null!;

    private string FilePath => _folder.File("catalog.db");

    public async ValueTask InitializeAsync() => _catalog = await CatalogStore.Open(FilePath, _time);

    public ValueTask DisposeAsync()
    {
        _catalog.Dispose();
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Two_programs_on_one_file_write_side_by_side_without_an_error()
    {
        using var other = await CatalogStore.Open(FilePath, _time);
        await Task.WhenAll(Enumerable.Range(0, 60).Select(async i =>
        {
            var catalog = i % 2 == 0 ? _catalog : other;
            await catalog.Jobs.Add([Job(i)]);
            await catalog.Jobs.AppendLog(Id(i), "line");
            await catalog.Jobs.Change(Id(i), j => j with { State = JobState.Active });
        }));
        Assert.Equal(60, (await _catalog.Jobs.Open()).Count(j => j.State == JobState.Active));
    }

    [Fact]
    public async Task A_change_is_seen_whole_or_not_at_all()
    {
        await _catalog.Jobs.Add([Job(1)]);
        await Assert.ThrowsAsync<InvalidOperationException>(() => _catalog.Jobs.Change(Id(1), _ => throw new InvalidOperationException()));
        Assert.Null(await _catalog.Jobs.Complete(Id(1), _ => null, [Phase(PhaseOutcome.Ok)], null));
        Assert.Empty(await _catalog.Jobs.Phases(Id(1)));
        Assert.Equal(JobState.Queued, (await _catalog.Jobs.Find(Id(1)))!.State);
    }

    [Fact]
    public async Task Concurrent_changes_of_one_job_lose_none()
    {
        await _catalog.Jobs.Add([Job(1)]);
        await Task.WhenAll(Enumerable.Range(0, 40).Select(i => _catalog.Jobs.Change(Id(1), j => j with { Warnings = [.. j.Warnings, $"w{i}"] })));
        Assert.Equal(40, (await _catalog.Jobs.Find(Id(1)))!.Warnings.Distinct().Count());
    }

    [Fact]
    public async Task All_of_a_job_survives_closing_and_opening()
    {
        var job = Job(7) with
        {
            Trouble = new Trouble(Model.Phase.Transfer, "disk d", "m", "n", true),
            Restore = new RestoreRequest("n", @"D:\x", true),
            RestoredFiles = [@"D:\x\a.vhdx"],
            Warnings = ["w"],
            State = JobState.Done,
            Outcome = JobOutcome.Partial,
            Ended = _time.GetUtcNow(),
        };
        await _catalog.Jobs.Add([job]);
        _catalog.Dispose();
        _catalog = await CatalogStore.Open(FilePath, _time);
        Assert.Equivalent(job with { Number = 1 }, await _catalog.Jobs.Find(job.Id), strict: true);
        Assert.Equal(job.Id, Assert.Single(await _catalog.Jobs.FindByPrefix(job.Id.ToString()[..9])).Id);
    }

    [Fact]
    public async Task Lists_run_backwards_in_parts()
    {
        await _catalog.Jobs.Add([.. Enumerable.Range(0, 25).Select(Job)]);
        List<long> seen = [];
        var before = long.MaxValue;
        while (await _catalog.Jobs.List(new JobFilter(Vm: "web"), 10, before) is { Count: > 0 } part)
        {
            seen.AddRange(part.Select(j => j.Number));
            before = part[^1].Number;
        }
        Assert.Equal(Enumerable.Range(1, 25).Reverse().Select(i => (long)i), seen);
        Assert.Empty(await _catalog.Jobs.List(new JobFilter(JobState.Done), 10));
    }

    [Fact]
    public async Task The_log_is_bounded_in_line_and_in_lines()
    {
        await _catalog.Jobs.Add([Job(1)]);
        await _catalog.Jobs.AppendLog(Id(1), new string('x', 5_000));
        Assert.Equal(2_001, Assert.Single(await _catalog.Jobs.Log(Id(1), 10)).Line.Length);
    }

    [Fact]
    public async Task A_damaged_file_is_refused_in_words()
    {
        var path = _folder.File("damaged.db");
        await File.WriteAllBytesAsync(path, [.. "no database at all, but long enough to be looked at"u8, .. new byte[4096]]);
        var refused = await Assert.ThrowsAsync<TroubleException>(() => CatalogStore.Open(path, _time));
        Assert.Equal("catalog", refused.Trouble.Culprit);
        Assert.NotEmpty(refused.Trouble.NextStep);
    }

    private static Guid Id(int number) => new(number + 1, 3, 3, [1, 2, 3, 4, 5, 6, 7, 8]);

    private PhaseRecord Phase(PhaseOutcome outcome) => new(Model.Phase.Transfer, _time.GetUtcNow(), null, outcome, "");

    private Job Job(int number) => new()
    {
        Id = Id(number),
        Kind = JobKind.Backup,
        Host = "hv1",
        VmId = Id(999),
        VmName = "web",
        StorageUnit = "main",
        RequestedBy = "test",
        Created = _time.GetUtcNow(),
    };
}
