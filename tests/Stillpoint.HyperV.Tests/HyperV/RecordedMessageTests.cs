using static Stillpoint.HyperV.Tests.Messages;

namespace Stillpoint.HyperV.Tests;

public sealed class RecordedMessageTests
{
    private const string LastPull = "<n:PullResponse><n:Items></n:Items><n:EndOfSequence/></n:PullResponse>";

    [Fact]
    public async Task A_vm_comes_out_of_an_enumeration_that_a_real_host_answered()
    {
        await using var opened = new Opened(
            Recorded("computersystem_enumerate.xml"), Recorded("computersystem_pull_vm_off.xml"), Envelope(LastPull));

        var systems = await opened.Client.EnumerateAsync(V2 + "Msvm_ComputerSystem", default);

        var vm = Assert.Single(systems);
        Assert.Equal("Msvm_ComputerSystem", vm.ClassName);
        Assert.Equal("仮想マシン", vm.Text("Caption"));
        Assert.Equal("scrubbed-9", vm.Text("elementNAME"));
        Assert.Equal(VirtualMachineState.Off, SettingsReader.State(vm));
        Assert.Equal([2L], vm.Numbers("OperationalStatus"));
        Assert.Null(vm.Text("ProcessID"));
        Assert.Empty(vm.Values("InstanceID"));
        Assert.Equal(new DateTimeOffset(2026, 10, 8, 15, 15, 36, TimeSpan.Zero).AddTicks(6_842_400), vm.Time("InstallDate"));
        Assert.Equal(1601, vm.Time("TimeOfLastStateChange")!.Value.Year);
        // The context changes from answer to answer: the newest goes back.
        Assert.Equal(["Enumerate", "Pull", "Pull"], opened.Server.Requests.Select(r => r.Verb));
        Assert.Equal("uuid:00000000-0000-4000-8000-000000000003", opened.Server.Requests[1].Text("EnumerationContext"));
        Assert.Equal("uuid:00000000-0000-4000-8000-000000000011", opened.Server.Requests[2].Text("EnumerationContext"));
    }

    [Fact]
    public async Task What_a_job_created_comes_as_a_reference()
    {
        await using var opened = new Opened(Recorded("computersystem_enumerate.xml"), Recorded("affectedjobelement_pull_created.xml"));

        var row = Assert.Single(await opened.Client.EnumerateAsync(V2 + "Msvm_AffectedJobElement", default));

        var made = row.Reference("AffectedElement")!;
        Assert.Equal("Msvm_VirtualSystemSettingData", made.ClassName);
        Assert.Equal("Microsoft:00000000-0000-4000-8000-000000000083", made["instanceid"]);
        Assert.Equal("00000000-0000-4000-8000-000000000066", row.Reference("AffectingElement")!["InstanceID"]);
        Assert.Equal([5L], row.Numbers("ElementEffects"));
    }

    [Fact]
    public async Task A_running_job_is_read_whatever_prefixes_its_answer_binds()
    {
        await using var opened = new Opened(Recorded("storagejob_get_running.xml"));

        var job = await opened.Client.GetAsync(HyperVNames.Instance("Msvm_StorageJob", "x"), default);

        Assert.Equal("Msvm_StorageJob", job.ClassName);
        Assert.Equal(new HostJob(HostJobState.Running, 0, ""), HostJob.Read(job));
        Assert.True(job.Flag("Cancellable"));
        Assert.Equal(@"scrubbed-1\scrubbed-8", job.Text("Owner"));
        Assert.Equal("", job.Text("Notify"));
        Assert.True(CimTime.TryParseInterval(job.Required("TimeBeforeRemoval"), out var removal));
        Assert.Equal(TimeSpan.FromMinutes(5), removal);
    }
}
