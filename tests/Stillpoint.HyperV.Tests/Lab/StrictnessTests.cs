using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Xml.Linq;
using static Stillpoint.HyperV.Tests.Lab.LabRig;

namespace Stillpoint.HyperV.Tests.Lab;

/// <summary>Where hosts are strict the lab is strict: what a host refuses must not pass here.</summary>
public sealed class StrictnessTests(LabRig rig) : IClassFixture<LabRig>
{
    private const string Snapshots = "Msvm_VirtualSystemSnapshotService";
    private const string Wql = "http://schemas.microsoft.com/wbem/wsman/1/WQL";

    [Fact]
    public async Task Without_the_right_password_there_is_no_soap()
    {
        using var stranger = rig.NewClient("wrong");
        using var content = new StringContent("<x/>", Encoding.UTF8, "application/soap+xml");
        using var answer = await stranger.PostAsync("/wsman", content, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Equal(["Negotiate", "Basic"], answer.Headers.WwwAuthenticate.Select(h => h.Scheme));
        stranger.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", "!!");
        using var again = await stranger.GetAsync("/lab/vms", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Unauthorized, again.StatusCode);
    }

    [Fact]
    public async Task A_query_needs_the_star() =>
        Assert.Equal("w:CannotProcessFilter", await rig.FaultAsync(Enumerate, "Msvm_ComputerSystem",
            $"<n:Enumerate><w:Filter Dialect=\"{Wql}\">SELECT * FROM Msvm_ComputerSystem</w:Filter></n:Enumerate>"));

    [Theory]
    [InlineData("SELECT * FROM Msvm_NoSuchClass", "a:DestinationUnreachable")]
    [InlineData("SELECT * FROM", "w:CannotProcessFilter")]
    [InlineData("SELECT * FROM Msvm_ComputerSystem WHERE", "w:CannotProcessFilter")]
    [InlineData("SELECT * FROM Msvm_ComputerSystem WHERE NoSuch='1'", "w:CannotProcessFilter")]
    [InlineData("ASSOCIATORS OF {nonsense}", "w:CannotProcessFilter")]
    [InlineData("DROP TABLE x", "w:CannotProcessFilter")]
    public async Task A_bad_query_is_a_fault(string query, string subcode) =>
        Assert.Equal(subcode, await rig.FaultAsync(Enumerate, "*", $"<n:Enumerate><w:Filter Dialect=\"{Wql}\">{query}</w:Filter></n:Enumerate>"));

    [Fact]
    public async Task An_unknown_class_is_a_fault() =>
        Assert.Equal("a:DestinationUnreachable", await rig.FaultAsync(Enumerate, "Msvm_NoSuch", "<n:Enumerate/>"));

    [Fact]
    public async Task A_reference_in_a_wrapper_is_refused()
    {
        var reference = Reference("Msvm_ComputerSystem", ("CreationClassName", "Msvm_ComputerSystem"), ("Name", "x"));
        var body = Input(Snapshots, "CreateSnapshot", ("AffectedSystem", $"<a:EndpointReference>{reference}</a:EndpointReference>"));
        Assert.Equal("w:SchemaValidationError", await rig.FaultAsync(
            $"{Prefix}{Snapshots}/CreateSnapshot", Snapshots, body, Selectors(("CreationClassName", Snapshots))));
    }

    [Fact]
    public async Task An_embedded_instance_as_elements_is_refused()
    {
        var body = Input(Snapshots, "CreateSnapshot", ("SnapshotSettings", "<p:Msvm_VirtualSystemSnapshotSettingData/>"));
        Assert.Equal("w:SchemaValidationError", await rig.FaultAsync(
            $"{Prefix}{Snapshots}/CreateSnapshot", Snapshots, body, Selectors(("CreationClassName", Snapshots))));
    }

    [Fact]
    public async Task A_singleton_needs_its_selector()
    {
        var body = Input(Snapshots, "DestroySnapshot");
        Assert.Equal("w:InvalidSelectors", await rig.FaultAsync($"{Prefix}{Snapshots}/DestroySnapshot", Snapshots, body));
        Assert.Equal("w:InvalidSelectors", await rig.FaultAsync(Get, "Msvm_ComputerSystem"));
    }

    [Fact]
    public async Task A_method_of_nobody_is_not_supported() =>
        Assert.Equal("a:ActionNotSupported", await rig.FaultAsync(
            $"{Prefix}{Snapshots}/Dance", Snapshots, Input(Snapshots, "Dance"), Selectors(("CreationClassName", Snapshots))));

    [Fact]
    public async Task An_envelope_below_8192_bytes_is_a_fault() =>
        Assert.Equal("w:EncodingLimit", await rig.FaultAsync(Enumerate, "Msvm_ComputerSystem", "<n:Enumerate/>", size: 4096));

    [Fact]
    public async Task A_context_ends_with_its_sequence_or_its_release()
    {
        var context = (await rig.GoodAsync(Enumerate, "Msvm_ComputerSystem", "<n:Enumerate/>")).Descendants(N + "EnumerationContext").Single().Value;
        var inner = $"<n:EnumerationContext>{context}</n:EnumerationContext>";
        await rig.GoodAsync(Enumerate.Replace("Enumerate", "Release", StringComparison.Ordinal), "Msvm_ComputerSystem",
            $"<n:Release>{inner}</n:Release>");
        Assert.Equal("n:InvalidEnumerationContext", await rig.FaultAsync(Pull, "Msvm_ComputerSystem", $"<n:Pull>{inner}</n:Pull>"));
    }

    [Fact]
    public async Task Optimized_enumeration_gives_one_item_and_the_rest_by_pull()
    {
        var first = await rig.GoodAsync(Enumerate, "CIM_ComputerSystem",
            "<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>100</w:MaxElements></n:Enumerate>");
        Assert.Single(first.Descendants(W + "Items").Single().Elements());
        var context = first.Descendants(N + "EnumerationContext").Single().Value;
        Assert.StartsWith("uuid:", context, StringComparison.Ordinal);
        var rest = await rig.GoodAsync(Pull, "CIM_ComputerSystem",
            $"<n:Pull><n:EnumerationContext>{context}</n:EnumerationContext><n:MaxElements>100</n:MaxElements></n:Pull>");
        Assert.True(rest.Descendants(N + "Items").Single().Elements().Any());
        Assert.Empty(rest.Descendants(N + "EnumerationContext"));

        var none = await rig.GoodAsync(Enumerate, "Msvm_PlannedComputerSystem", "<n:Enumerate><w:OptimizeEnumeration/></n:Enumerate>");
        Assert.Equal("", none.Descendants(N + "EnumerationContext").Single().Value);
        Assert.NotNull(none.Descendants(W + "EndOfSequence").Single());
    }

    [Fact]
    public async Task A_projection_comes_without_namespaces()
    {
        var items = await rig.QueryAsync("SELECT Name,ElementName FROM Msvm_ComputerSystem WHERE ElementName LIKE 'sm%' AND EnabledState = 2");
        Assert.Equal(W + "XmlFragment", items.Single().Name);
        Assert.Equal("small", items.Single().Element(XName.Get("ElementName"))!.Value);
    }

    [Theory]
    [InlineData("<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>")]
    [InlineData("not xml")]
    [InlineData("<x/>")]
    public async Task Hostile_envelopes_are_faults(string text)
    {
        using var content = new StringContent(text, Encoding.UTF8, "application/soap+xml");
        using var answer = await rig.Http.PostAsync("/wsman", content, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        var envelope = XElement.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal("w:SchemaValidationError", envelope.Descendants(S + "Subcode").Single().Value);
    }

    [Fact]
    public async Task A_missing_object_is_unreachable() => Assert.Equal("a:DestinationUnreachable",
        await rig.FaultAsync(Get, "Msvm_ConcreteJob", "", Selectors(("InstanceID", "00000000-0000-0000-0000-000000000000"))));
}
