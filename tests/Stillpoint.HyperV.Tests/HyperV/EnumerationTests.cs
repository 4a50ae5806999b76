using Stillpoint.Model;
using static Stillpoint.HyperV.Tests.Messages;

namespace Stillpoint.HyperV.Tests;

public sealed class EnumerationTests
{
    private static readonly string One = Instance("Msvm_ComputerSystem", ("Name", "one"));
    private static readonly string Two = Instance("Msvm_ComputerSystem", ("Name", "two"));

    public static TheoryData<string[]> Endings => new(
        // complete at once: empty context, end in wsman's namespace, in enumeration's, or without a context at all
        [Optimized("<n:EnumerationContext></n:EnumerationContext>", One + Two, "<w:EndOfSequence/>")],
        [Optimized("<n:EnumerationContext/>", One + Two, "<n:EndOfSequence/>")],
        [Optimized("", One + Two, "<w:EndOfSequence/>")],
        // one item in the first answer, the rest by Pull, end with the last item and without a context
        [Optimized("<n:EnumerationContext>uuid:1</n:EnumerationContext>", One, ""), Pulled("", Two, "<n:EndOfSequence/>")],
        // nothing in the first, one an answer, an empty last
        [Plain("uuid:1"), Pulled("uuid:2", One, ""), Pulled("uuid:3", Two, ""), Pulled("", "", "<n:EndOfSequence/>")],
        // a context that is left out while more is to come stays the same
        [Plain("uuid:1"), Pulled("", One, ""), Pulled("", Two, "<w:EndOfSequence/>")],
        // an answer without items in between: the host ran out of time
        [Plain("uuid:1"), Pulled("uuid:1", "", ""), Pulled("uuid:1", One + Two, "<n:EndOfSequence/>")],
        // object and reference together
        [Optimized("", $"<w:Item>{One}<a:EndpointReference/></w:Item><w:Item>{Two}<a:EndpointReference/></w:Item>", "<w:EndOfSequence/>")]);

    [Theory]
    [MemberData(nameof(Endings))]
    public async Task Every_way_to_end_an_enumeration_gives_the_same_two(string[] answers)
    {
        await using var opened = new Opened([.. answers.Select(a => (Reply)a)]);

        var items = await opened.Client.QueryAsync(HyperVNames.AnyClass, "SELECT * FROM Msvm_ComputerSystem", default);

        Assert.Equal(["one", "two"], items.Select(i => i.Text("Name")));
        Assert.Equal(answers.Length, opened.Server.Requests.Count);
    }

    [Fact]
    public async Task Nothing_found_is_an_empty_list()
    {
        await using var opened = new Opened(Optimized("<n:EnumerationContext/>", "", "<w:EndOfSequence/>"));
        Assert.Empty(await opened.Client.QueryAsync(HyperVNames.AnyClass, "SELECT * FROM X", default));
    }

    [Fact]
    public async Task A_projection_is_read_without_its_class()
    {
        var fragment = "<w:XmlFragment xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><Name>C:</Name><Size xsi:nil=\"true\"/>"
            + "<Status>2</Status><Status>5</Status><Since><Datetime>2026-01-02T03:04:05Z</Datetime></Since></w:XmlFragment>";
        await using var opened = new Opened(Optimized("", fragment, "<w:EndOfSequence/>"));

        var item = Assert.Single(await opened.Client.QueryAsync(HyperVNames.AnyClass, "SELECT Name FROM X", default));

        Assert.Equal("", item.ClassName);
        Assert.Equal("C:", item.Text("Name"));
        Assert.Null(item.Text("Size"));
        Assert.Equal([2L, 5L], item.Numbers("Status"));
        Assert.Equal(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero), item.Time("Since"));
    }

    [Fact]
    public async Task A_nil_between_others_keeps_its_place()
    {
        await using var opened = new Opened(All(Instance("X", ("A", "<p:b/>")).Replace("<p:A><p:b/></p:A>",
            "<p:A>1</p:A><p:A xsi:nil=\"true\"/><p:A>3</p:A>", StringComparison.Ordinal)));
        Assert.Equal(["1", "", "3"], Assert.Single(await opened.Client.QueryAsync(HyperVNames.AnyClass, "SELECT * FROM X", default)).Texts("A"));
    }

    [Fact]
    public async Task An_enumeration_that_breaks_off_starts_again_from_its_beginning()
    {
        var calls = 0;
        await using var opened = new Opened(request => request.Verb switch
        {
            "Enumerate" => Optimized("<n:EnumerationContext>uuid:1</n:EnumerationContext>", One, ""),
            "Pull" when calls++ == 0 => (Reply)Pulled("", Two, "<n:EndOfSequence/>") with { BreakAfter = 100 },
            "Pull" => Pulled("", Two, "<n:EndOfSequence/>"),
            _ => Fault("n:InvalidEnumerationContext", ""),
        });

        var items = await opened.Client.EnumerateAsync(V2 + "Msvm_ComputerSystem", default);

        Assert.Equal(["one", "two"], items.Select(i => i.Text("Name")));
        Assert.Equal(["Enumerate", "Pull", "Release", "Enumerate", "Pull"], opened.Server.Requests.Select(r => r.Verb));
    }

    [Fact]
    public async Task A_pull_that_ran_out_of_the_hosts_time_is_sent_again()
    {
        await using var opened = new Opened(Plain("uuid:1"),
            Fault("w:TimedOut", WsManFault(0x80338029, "timeout")), Pulled("", One, "<n:EndOfSequence/>"));
        Assert.Single(await opened.Client.EnumerateAsync(V2 + "Msvm_ComputerSystem", default));
    }

    [Fact]
    public async Task An_enumeration_that_is_given_up_is_released()
    {
        await using var opened = new Opened(Plain("uuid:7"), Fault("w:InternalError", ""), Envelope(""));
        await Assert.ThrowsAsync<WsManFaultException>(() => opened.Client.EnumerateAsync(V2 + "Msvm_ComputerSystem", default));
        Assert.Equal("Release", opened.Server.Requests[^1].Verb);
        Assert.Equal("uuid:7", opened.Server.Requests[^1].Text("EnumerationContext"));
    }

    [Fact]
    public async Task An_enumeration_that_never_gives_anything_ends_in_an_error()
    {
        await using var opened = new Opened(request => request.Verb == "Enumerate" ? Plain("uuid:1") : Pulled("uuid:1", "", ""));
        await Assert.ThrowsAsync<InvalidAnswerException>(() => opened.Client.EnumerateAsync(V2 + "Msvm_ComputerSystem", default));
    }

    [Fact]
    public async Task All_requests_go_over_one_connection_with_the_same_login()
    {
        await using var opened = new Opened(_ => All(One));
        await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => opened.Client.EnumerateAsync(V2 + "Msvm_ComputerSystem", default)));
        Assert.Equal(1, opened.Server.Connections);
        Assert.All(opened.Server.Requests, r => Assert.Equal("Basic QWRtaW5pc3RyYXRvcjpzZWNyZXQ=", r.Authorization));
    }

    [Fact]
    public async Task A_method_is_never_sent_twice()
    {
        await using var opened = new Opened(_ => (Reply)Output("X", "Do", ("ReturnValue", "0")) with { BreakAfter = 10 });
        var call = new MethodCall(HyperVNames.Service("X"), "Do");
        var error = await Assert.ThrowsAsync<TroubleException>(() => opened.Client.InvokeAsync(call, default));
        Assert.True(error.Trouble.Retry);
        Assert.Single(opened.Server.Requests);
    }

    private static string Optimized(string context, string items, string end) =>
        Envelope($"<n:EnumerateResponse>{context}<w:Items>{items}</w:Items>{end}</n:EnumerateResponse>");

    private static string Plain(string context) =>
        Envelope($"<n:EnumerateResponse><n:EnumerationContext>{context}</n:EnumerationContext></n:EnumerateResponse>");

    private static string Pulled(string context, string items, string end)
    {
        var element = context.Length == 0 ? "" : $"<n:EnumerationContext>{context}</n:EnumerationContext>";
        return Envelope($"<n:PullResponse>{element}<n:Items>{items}</n:Items>{end}</n:PullResponse>");
    }

    [Fact]
    public async Task A_host_that_allows_smaller_answers_only_is_asked_for_smaller_ones()
    {
        await using var opened = new Opened(request => request.Text("MaxEnvelopeSize") == "512000"
            ? Fault("w:EncodingLimit", WsManFault(2150858747, "too large")) : All(Instance("X", ("A", "1"))));
        Assert.Single(await opened.Client.QueryAsync(HyperVNames.AnyClass, "SELECT * FROM X", default));
        Assert.Single(await opened.Client.QueryAsync(HyperVNames.AnyClass, "SELECT * FROM X", default));
        Assert.Equal(["512000", "153600", "153600"], opened.Server.Requests.Select(r => r.Text("MaxEnvelopeSize")));
    }

    [Fact]
    public async Task A_projection_is_read_and_what_it_did_not_ask_for_is_an_error()
    {
        const string fragment = "<w:XmlFragment xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><Name>HV1</Name>"
            + "<OperationalStatus>2</OperationalStatus><OperationalStatus>32772</OperationalStatus><InstallDate xsi:nil=\"true\"/>"
            + "<Seen><Datetime>2026-10-08T15:15:36Z</Datetime></Seen></w:XmlFragment>";
        await using var opened = new Opened(_ => All(fragment));
        using var host = new HostConnection(opened.Server.Options, TimeProvider.System, () => Guid.Empty);
        var asked = new Projection("C", "Name", "OperationalStatus", "InstallDate", "Seen", "Absent") { Where = ("Kind", @"a\b'c") };
        var row = Assert.Single(await host.QueryAsync(asked, default));
        Assert.Equal(@"SELECT Name,OperationalStatus,InstallDate,Seen,Absent FROM C WHERE Kind = 'a\\b\'c'", opened.Server.Requests[0].Text("Filter"));
        Assert.Equal("HV1", row.Text("name"));
        Assert.Equal([2L, 32772L], row.Numbers("OperationalStatus"));
        Assert.Null(row.Text("InstallDate"));
        Assert.Equal(2026, row.Time("Seen")!.Value.Year);
        Assert.Null(row.Text("Absent"));
        Assert.Throws<InvalidOperationException>(() => row.Text("Notes"));
    }
}
