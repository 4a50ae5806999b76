using Stillpoint.Model;

namespace Stillpoint.HyperV.Tests.Wire;

[Collection(nameof(LabCollection))]
public sealed class TroubleOverTheWireTests(LabFixture lab)
{
    private static readonly Guid Nobody = new("A1B2C3D4-0000-4000-8000-000000000001");

    [Fact]
    public async Task A_wrong_password_and_a_wrong_certificate_are_told_apart()
    {
        await using var wrongPassword = LabFixture.Open(lab.Options with { Password = "wrong" });
        var refused = await Assert.ThrowsAsync<TroubleException>(() => wrongPassword.GetHostNameAsync(default));
        Assert.Contains("refused the user name or the password", refused.Trouble.Message, StringComparison.Ordinal);

        await using var wrongPin = LabFixture.Open(lab.Options with { CertificateFingerprint = new string('0', 64) });
        var stranger = await Assert.ThrowsAsync<TroubleException>(() => wrongPin.GetHostNameAsync(default));
        Assert.Contains("not the pinned one", stranger.Trouble.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refused_request_says_which_rights_are_missing()
    {
        await using var fault = await lab.FaultAsync("access-denied");
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => lab.Host.ListVirtualMachinesAsync(default))).Trouble;
        Assert.Contains("Hyper-V Administrators", trouble.NextStep, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("namespace-missing", "could not list its VMs", "Install the Hyper-V role", false)]
    [InlineData("service-gone", "RPC server is unavailable", "net start vmms", true)]
    [InlineData("request-quota", "concurrent", "MaxConcurrentOperationsPerUser", true)]
    public async Task A_host_that_cannot_answer_says_why(string name, string what, string nextStep, bool retry)
    {
        await using var fault = await lab.FaultAsync(name);
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => lab.Host.ListVirtualMachinesAsync(default))).Trouble;
        Assert.Contains(what, trouble.Message, StringComparison.Ordinal);
        Assert.Contains(nextStep, trouble.NextStep, StringComparison.Ordinal);
        Assert.Equal(retry, trouble.Retry);
    }

    [Fact]
    public async Task A_question_that_ran_out_of_the_hosts_time_is_asked_again()
    {
        await using var fault = await lab.FaultAsync("operation-timeout");
        Assert.Equal(3, (await lab.Host.ListVirtualMachinesAsync(default)).Count);
    }

    [Fact]
    public async Task A_right_that_a_group_policy_took_from_the_vms_is_named()
    {
        var vm = await lab.FindAsync("web");
        var checkpoint = await lab.Host.CreateRecoveryCheckpointAsync(vm.Id, true, GuestBackupType.Copy, default);
        await using (await lab.FaultAsync("logon-restricted", "web"))
        {
            var trouble = (await Assert.ThrowsAsync<TroubleException>(() => lab.Host.ConvertToReferencePointAsync(checkpoint.Id, default))).Trouble;
            Assert.Contains("Log on as a service", trouble.NextStep, StringComparison.Ordinal);
        }
        await lab.Host.DestroyCheckpointAsync(checkpoint.Id, default);
        await lab.MergedAsync(vm.Id);
    }

    [Fact]
    public async Task A_vm_or_a_checkpoint_that_is_not_there_is_named()
    {
        var vm = await Assert.ThrowsAsync<TroubleException>(
            () => lab.Host.CreateRecoveryCheckpointAsync(Nobody, true, GuestBackupType.Copy, default));
        Assert.Contains(HyperVNames.Text(Nobody), vm.Trouble.Culprit, StringComparison.Ordinal);
        await Assert.ThrowsAsync<TroubleException>(() => lab.Host.StartAsync(Nobody, default));
        await Assert.ThrowsAsync<TroubleException>(() => lab.Host.DestroyVirtualMachineAsync(Nobody, default));
        await Assert.ThrowsAsync<TroubleException>(() => lab.Host.ValidatePlannedAsync(Nobody, default));
        var id = "Microsoft:" + HyperVNames.Text(Nobody);
        await Assert.ThrowsAsync<TroubleException>(() => lab.Host.DestroyCheckpointAsync(id, default));
        await Assert.ThrowsAsync<TroubleException>(() => lab.Host.RenameCheckpointAsync(id, "x", default));
        await Assert.ThrowsAsync<TroubleException>(() => lab.Host.ConvertToReferencePointAsync(id, default));
        await Assert.ThrowsAsync<TroubleException>(() => lab.Host.DestroyReferencePointAsync(id, default));
        Assert.False(await lab.Host.IsMergingAsync(Nobody, default));
    }

    [Fact]
    public async Task A_guest_that_cannot_be_quiesced_fails_at_the_asked_level_and_takes_a_crash_consistent_one()
    {
        var vm = await lab.FindAsync("legacy");
        await using var fault = await lab.FaultAsync("quiesce-fails", "legacy");
        var trouble = (await Assert.ThrowsAsync<TroubleException>(
            () => lab.Host.CreateRecoveryCheckpointAsync(vm.Id, true, GuestBackupType.Copy, default))).Trouble;
        Assert.Contains("application-consistent", trouble.Message, StringComparison.Ordinal);
        Assert.Empty(await lab.Host.ListCheckpointsAsync(vm.Id, default));
        var checkpoint = await lab.Host.CreateRecoveryCheckpointAsync(vm.Id, false, GuestBackupType.Copy, default);
        await lab.Host.DestroyCheckpointAsync(checkpoint.Id, default);
        await lab.MergedAsync(vm.Id);
    }

    [Fact]
    public async Task A_job_that_fails_brings_the_hosts_words()
    {
        var vm = await lab.FindAsync("web");
        await using (await lab.FaultAsync("checkpoint-fails", "web"))
        {
            var failed = await Assert.ThrowsAsync<TroubleException>(
                () => lab.Host.CreateRecoveryCheckpointAsync(vm.Id, true, GuestBackupType.Copy, default));
            Assert.Contains("could not take an application-consistent checkpoint", failed.Trouble.Message, StringComparison.Ordinal);
            Assert.Contains("web", failed.Trouble.Message, StringComparison.Ordinal);
        }
        var checkpoint = await lab.Host.CreateRecoveryCheckpointAsync(vm.Id, true, GuestBackupType.Copy, default);
        await using (await lab.FaultAsync("convert-fails", "web"))
        {
            var failed = await Assert.ThrowsAsync<TroubleException>(() => lab.Host.ConvertToReferencePointAsync(checkpoint.Id, default));
            Assert.Contains("0x80004005", failed.Trouble.Message, StringComparison.Ordinal);
        }
        Assert.Equal(checkpoint.Id, Assert.Single(await lab.Host.ListCheckpointsAsync(vm.Id, default)).Id);
        await lab.Host.DestroyCheckpointAsync(checkpoint.Id, default);
        await lab.MergedAsync(vm.Id);
    }

    [Fact]
    public async Task A_tracking_id_that_the_disk_does_not_know_asks_for_a_full_read()
    {
        var vm = await lab.FindAsync("web");
        var checkpoint = await lab.Host.CreateRecoveryCheckpointAsync(vm.Id, true, GuestBackupType.Copy, default);
        var disk = checkpoint.Disks[0].Path;
        using (var frozen = lab.Files.OpenDisk(disk))
        {
            var length = frozen.Length;
            await Assert.ThrowsAsync<TrackingLostException>(
                () => lab.Host.GetChangesAsync(disk, "rctX:5bfde23b:ce75:4303:b54f:6c18394f105c:00000001", length, default));
            await Assert.ThrowsAsync<TrackingLostException>(() => lab.Host.GetChangesAsync(disk, "nonsense", length, default));
            await Assert.ThrowsAsync<TroubleException>(() => lab.Host.GetChangesAsync(@"C:\no\such.vhdx", "rctX:1", length, default));
        }
        await lab.Host.DestroyCheckpointAsync(checkpoint.Id, default);
        await lab.MergedAsync(vm.Id);
    }

    [Fact]
    public async Task Tracking_that_the_host_lost_asks_for_a_full_read()
    {
        var vm = await lab.FindAsync("web");
        var first = await lab.Host.CreateRecoveryCheckpointAsync(vm.Id, true, GuestBackupType.Copy, default);
        var point = await lab.Host.ConvertToReferencePointAsync(first.Id, default);
        await lab.MergedAsync(vm.Id);
        await using (await lab.FaultAsync("tracking-lost", "web"))
        {
            var next = await lab.Host.CreateRecoveryCheckpointAsync(vm.Id, true, GuestBackupType.Copy, default);
            await Assert.ThrowsAsync<TrackingLostException>(
                () => lab.Host.GetChangesAsync(next.Disks[0].Path, point.Disks[0].TrackingId!, 32 << 20, default));
            await lab.Host.DestroyCheckpointAsync(next.Id, default);
        }
        await lab.Host.DestroyReferencePointAsync(point.Id, default);
        await lab.MergedAsync(vm.Id);
    }

    [Fact]
    public async Task A_job_that_hangs_is_given_up_and_meanwhile_the_vm_is_busy()
    {
        // A lab of its own: the VM stays busy until the lab ends.
        var own = new LabFixture();
        await own.InitializeAsync();
        try
        {
            var vm = await own.FindAsync("web");
            await using var impatient = LabFixture.Open(own.Options with { JobTimeout = TimeSpan.FromMilliseconds(200) });
            await using (await own.FaultAsync("job-hangs", "web"))
            {
                var hung = await Assert.ThrowsAsync<TroubleException>(
                    () => impatient.CreateRecoveryCheckpointAsync(vm.Id, false, GuestBackupType.Copy, default));
                Assert.Contains("goes on on the host", hung.Trouble.Message, StringComparison.Ordinal);
            }
            var busy = await Assert.ThrowsAsync<TroubleException>(
                () => own.Host.CreateRecoveryCheckpointAsync(vm.Id, false, GuestBackupType.Copy, default));
            Assert.Contains("next run tries again", busy.Trouble.NextStep, StringComparison.Ordinal);
            Assert.True(busy.Trouble.Retry);
        }
        finally
        {
            await own.DisposeAsync();
        }
    }
}
