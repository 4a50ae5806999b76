using System.Text.RegularExpressions;
using System.Xml.Linq;
using static Stillpoint.HyperV.Tests.Lab.LabRig;

namespace Stillpoint.HyperV.Tests.Lab;

/// <summary>The lab's answers have the shape of messages recorded from a real host (r4sd/go-wsman, MIT): the same XML once the few things that
/// must differ are replaced. What is replaced is the list below and nothing else.</summary>
public sealed class RecordedShapeTests(LabRig rig) : IClassFixture<LabRig>
{
    /// <summary>GUIDs, times and durations, wherever they stand.</summary>
    private static readonly (Regex Pattern, string By)[] Values =
    [
        (new Regex("[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"), "GUID"),
        (new Regex(@"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z"), "TIME"),
        (new Regex(@"P\d+DT\d+H\d+M\d+(\.\d{1,6})?S"), "SPAN"),
    ];

    /// <summary>Elements whose text is a name, in the host's language, or what this VM or job happens to be doing.</summary>
    private static readonly string[] Texts =
    [
        "Caption", "Description", "ElementName", "StatusDescriptions", "JobStatus", "Name", "Owner",
    ];

    /// <summary>The id of the request that a message answers.</summary>
    private static readonly string[] Ids = ["RelatesTo", "MessageID"];

    [Fact]
    public async Task Enumerate_is_answered_with_a_context()
    {
        var answer = await rig.GoodAsync(Enumerate, "Msvm_ComputerSystem", "<n:Enumerate/>");
        AssertShape("computersystem_enumerate.xml", answer);
    }

    [Fact]
    public async Task A_pull_without_a_limit_gives_one_vm_that_is_off()
    {
        await rig.ControlAsync("/lab/state", new { vm = "small", state = "off" });
        try
        {
            var context = await BeginAsync("SELECT * FROM Msvm_ComputerSystem");
            XElement? off = null;
            while (true)
            {
                var page = await PullOneAsync(context);
                if (page.Descendants().Any(e => e.Name.LocalName == "EnabledState" && e.Value == "3")) off = page;
                if (page.Descendants(N + "EndOfSequence").Any()) break;
            }
            // The recorded page is not the last one; ours may be: the two elements that tell are set alike.
            var response = off!.Descendants(N + "PullResponse").Single();
            response.Element(N + "EndOfSequence")?.Remove();
            if (response.Element(N + "EnumerationContext") is null) response.AddFirst(new XElement(N + "EnumerationContext", $"uuid:{Guid.Empty}"));
            // Recorded on a VM that was never started; this one was.
            foreach (var requested in off.Descendants().Where(e => e.Name.LocalName == "RequestedState")) requested.Value = "5";
            AssertShape("computersystem_pull_vm_off.xml", off);
        }
        finally
        {
            await rig.ControlAsync("/lab/state", new { vm = "small", state = "running" });
        }
    }

    [Fact]
    public async Task What_a_job_made_is_the_last_item_of_its_pull()
    {
        var vm = Guid.Parse((string)(await rig.VmAsync())["id"]!).ToString().ToUpperInvariant();
        var job = await rig.FinishAsync(await rig.InvokeAsync("Msvm_VirtualSystemSnapshotService", "CreateSnapshot",
            ("AffectedSystem", Reference("Msvm_ComputerSystem", ("CreationClassName", "Msvm_ComputerSystem"), ("Name", vm))),
                ("SnapshotType", "32768")));
        var context = await BeginAsync($"REFERENCES OF {{Msvm_ConcreteJob.InstanceID='{Value(job, "InstanceID")}'}} "
            + "WHERE ResultClass = Msvm_AffectedJobElement");
        XElement page;
        do page = await PullOneAsync(context);
        while (!page.Descendants(N + "EndOfSequence").Any());
        AssertShape("affectedjobelement_pull_created.xml", page);

        await rig.FinishAsync(await rig.InvokeAsync("Msvm_VirtualSystemSnapshotService", "DestroySnapshot",
            ("AffectedSnapshot", Reference("Msvm_VirtualSystemSettingData", ("InstanceID", await rig.CreatedAsync(job))))));
        await rig.MergedAsync();
    }

    [Fact]
    public async Task A_storage_job_has_every_element_of_a_recorded_one()
    {
        // A call that fails leaves a storage job; the recorded one was running, so what tells the two apart is set alike first.
        var answer = await rig.InvokeAsync("Msvm_ImageManagementService", "GetVirtualDiskChanges",
            ("Path", @"C:\VMs\small\Virtual Hard Disks\small.vhdx"), ("LimitId", "rctX:0"), ("ByteOffset", "0"), ("ByteLength", "1"));
        var id = Element(answer, "Job").Descendants(W + "Selector").Single().Value;
        var envelope = await rig.GoodAsync(Get, "Msvm_StorageJob", "", Selectors(("InstanceID", id)));
        var job = envelope.Element(S + "Body")!.Elements().Single();
        Assert.Equal("10", Value(job, "JobState"));
        Assert.Contains("0x", Value(job, "ErrorDescription"), StringComparison.Ordinal);
        foreach (var (name, text) in new[]
        {
            ("JobState", "4"), ("ErrorCode", "0"), ("ErrorDescription", ""), ("ErrorSummaryDescription", ""), ("JobCompletionStatusCode", "0"),
                ("Cancellable", "true"),
        })
        {
            Element(job, name).Value = text;
        }
        AssertShape("storagejob_get_running.xml", envelope);
    }

    private async Task<string> BeginAsync(string wql)
    {
        var filter = $"<w:Filter Dialect=\"http://schemas.microsoft.com/wbem/wsman/1/WQL\">{wql}</w:Filter>";
        return (await rig.GoodAsync(Enumerate, "*", $"<n:Enumerate>{filter}</n:Enumerate>")).Descendants(N + "EnumerationContext").Single().Value;
    }

    private Task<XElement> PullOneAsync(string context) =>
        rig.GoodAsync(Pull, "*", $"<n:Pull><n:EnumerationContext>{context}</n:EnumerationContext></n:Pull>");

    private static void AssertShape(string recorded, XElement answer)
    {
        using var stream = typeof(RecordedShapeTests).Assembly.GetManifestResourceStream("HyperV/" + recorded)!;
        Assert.Equal(Canonical(XElement.Load(stream)), Canonical(answer));
    }

    /// <summary>Names in full, attributes in order, the prefixes that each element declares among them, white space between elements gone: two
    /// equal texts are the same message.</summary>
    private static string Canonical(XElement element, int depth = 0)
    {
        var indent = new string(' ', depth * 2);
        var attributes = string.Concat(element.Attributes().Where(a => a.Name != XNamespace.Xml + "lang")
            .OrderBy(a => a.Name.ToString(), StringComparer.Ordinal).Select(a => $" {a.Name}={a.Value}"));
        var name = element.Name.LocalName;
        var text = element.HasElements ? "" : Texts.Contains(name) ? "TEXT" : Ids.Contains(name) ? "ID" : Replace(element.Value);
        return $"{indent}{element.Name}{attributes} {text}\n" + string.Concat(element.Elements().Select(e => Canonical(e, depth + 1)));
    }

    private static string Replace(string text) => Values.Aggregate(text, (t, v) => v.Pattern.Replace(t, v.By));
}
