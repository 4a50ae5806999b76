using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Stillpoint.Model;
using Stillpoint.Roles.Tests.Primary;
using Stillpoint.Transport;

namespace Stillpoint.Roles.Tests.Transport;

/// <summary>Messages of any length, and handlers that fail in any way, on a connection that goes on.</summary>
public sealed class LongAnswerTests : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private readonly CertificateAuthority _authority;
    private readonly HubRecord _record = new();
    private readonly Lines _log = new();
    private HubServer _server = null!;
    private ControlConnection _connection = null!;
    private ScriptedMedia _media = null!;

    public LongAnswerTests() => _authority = CertificateAuthority.LoadOrCreate(_folder.File("ca"), TimeProvider.System);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await HubServer.StartAsync(_authority, _record);
        var identity = RoleIdentity.Issue(_authority, "media-1", PeerRoles.Media, TimeProvider.System);
        _media = new ScriptedMedia(_server.Address, identity);
        _connection = new ControlConnection(_server.Address, identity, () => new RoleHello(PeerRoles.Media, "0.1.0", "127.0.0.1:1", []),
            TimeProvider.System, new Random(7), _log);
        _connection.Handle(_media);
        _connection.Start();
        await _connection.WelcomedAsync(Cancel);
    }

    public async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync();
        await _media.DisposeAsync();
        await _server.DisposeAsync();
        _authority.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4_000)]
    [InlineData(60_000)]
    public async Task A_list_of_any_length_comes_whole(int images)
    {
        for (var i = 0; i < images; i++) _media.Stored.Add(Image(i));
        var parts = 0;
        var listed = await Primary(() => parts++).ListImages("main");
        Assert.Equal(_media.Stored.Select(i => i.Id), listed.Select(i => i.Id));
        Assert.Equal(images < 4_000 ? 0 : (int)Math.Ceiling(Json(images) / (double)LongAnswers.Part), parts);
        Assert.Single(_record.Hellos);
    }

    [Fact]
    public async Task An_error_that_nobody_expected_fails_its_call_alone_and_is_in_the_log()
    {
        _media.Fault = () => new InvalidDataException("page 7 is bent");
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => Primary().ListImages("main"))).Trouble;
        Assert.Equal("media server media-1", trouble.Culprit);
        Assert.Contains("ListImages failed by an error that nobody expected", trouble.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("bent", trouble.ToString(), StringComparison.Ordinal);
        Assert.Contains(_log.All, l => l.Contains("page 7 is bent", StringComparison.Ordinal) && l.Contains("ListImages", StringComparison.Ordinal));
        _media.Fault = null;
        Assert.Empty(await Primary().ListImages("main"));
        Assert.Single(_record.Hellos);
    }

    [Fact]
    public async Task A_report_that_no_message_takes_is_refused_here_and_the_connection_goes_on()
    {
        static JobReport Report(int length) => new(Guid.Empty, JobOutcome.Ok, [], null, null, [new string('x', length)], [], null);
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => _connection.Primary.ReportOutcome(Report((int)ControlProtocol.MaxMessage)))).Trouble;
        Assert.Contains("too long to be sent", trouble.Message, StringComparison.Ordinal);
        Assert.Contains(_log.All, l => l.Contains("ReportOutcome", StringComparison.Ordinal));
        await _connection.Primary.ReportLog(Guid.Empty, new string('x', (int)ControlProtocol.MaxMessage));
        await _connection.Primary.ReportOutcome(Report(7 << 20));
        Assert.Single(_record.Reports);
        Assert.Empty(_record.Lines);
        Assert.Single(_record.Hellos);
    }

    [Fact]
    public void What_is_kept_is_bounded_in_number_and_time()
    {
        var time = new FakeTimeProvider();
        using var answers = new LongAnswers(time, _log);
        var first = Parts(answers);
        Assert.Equal(LongAnswers.Part, answers.Read(first.Id, 0).Length);
        var others = Enumerable.Range(0, 8).Select(_ => Parts(answers)).ToList();
        Gone(first.Id);
        time.Advance(TimeSpan.FromMinutes(1));
        answers.Read(others[7].Id, 0);
        time.Advance(TimeSpan.FromMinutes(1));
        Gone(others[0].Id);
        foreach (var odd in (long[])[-1, others[7].Length, long.MaxValue]) Assert.Throws<TroubleException>(() => answers.Read(others[7].Id, odd));
        // Whoever read the last part has it all.
        Assert.Equal(others[7].Length - LongAnswers.Part, answers.Read(others[7].Id, LongAnswers.Part).Length);
        Gone(others[7].Id);

        void Gone(long id) => Assert.Contains("not kept any more", Assert.Throws<TroubleException>(() => answers.Read(id, 0)).Trouble.Message, StringComparison.Ordinal);
    }

    private static PartedAnswer Parts(LongAnswers answers) =>
        JsonSerializer.Deserialize<AnswerInParts>(answers.Give("Call", "media server", new string('x', LongAnswers.Part + 500)), Words.Json)!.ReadInParts;

    private int Json(int images) => images == 0 ? 2 : JsonSerializer.SerializeToUtf8Bytes(_media.Stored, Words.Json).Length;

    private IMediaCalls Primary(Action? heard = null) =>
        RoleProxies.Media(_server.Hub.Clients.Client(_record.Hellos.Last().Connection), "media-1", Cancel, heard);

    private static ImageSummary Image(int n) => new(new Guid(n, 1, 1, new byte[8]), Guid.Empty, "vm \u00fc + '<>'", Guid.Empty, default, ImageType.Full,
        Consistency.Application, BackupMethod.Wmi, [new DiskFigures("disk", 1L << 40, 1, 2, 3, 4, 5, 6)]);

    private sealed class Lines : ILogger
    {
        public ConcurrentQueue<string> All { get; } = new();

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            All.Enqueue($"{formatter(state, exception)} {exception}");
    }
}
