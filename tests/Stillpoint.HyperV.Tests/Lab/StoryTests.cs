using Stillpoint.VirtualDisks;
using static Stillpoint.HyperV.Tests.Lab.LabRig;

namespace Stillpoint.HyperV.Tests.Lab;

/// <summary>What a backup does, call by call over the wire, held against the lab's own record.</summary>
public sealed class StoryTests(LabRig rig) : IClassFixture<LabRig>
{
    private const string Snapshots = "Msvm_VirtualSystemSnapshotService";

    [Fact]
    public async Task A_full_and_an_incremental_backup_read_back_what_the_record_says()
    {
        var vm = Guid.Parse((string)(await rig.VmAsync())["id"]!).ToString().ToUpperInvariant();
        await rig.ControlAsync("/lab/write", new { vm = "small", bytes = 3_000_000, seed = 1 });

        var first = await CheckpointAsync(vm);
        var image = await ReadFrozenAsync(first);
        var point = await ConvertAsync(first);
        var ids = await rig.QueryAsync($"SELECT * FROM Msvm_VirtualSystemReferencePoint WHERE InstanceID='{point}'");
        var tracking = Value(ids.Single(), "ResilientChangeTrackingIdentifiers");
        Assert.Matches("^rctX(:[0-9a-f]+){6}$", tracking);
        var merged = await rig.MergedAsync();
        Assert.EndsWith(@"\small.vhdx", (string)merged["disks"]![0]!["path"]!, StringComparison.Ordinal);

        var written = await rig.ControlAsync("/lab/write", new { vm = "small", bytes = 1_000_000, seed = 2 });
        var second = await CheckpointAsync(vm);
        var changed = await ChangesAsync(second, tracking);
        Assert.InRange(changed.Sum(c => c.Length), (long)written["bytesChanged"]!, 24 << 20);
        using (var disk = await OpenFrozenAsync(second))
        {
            foreach (var (offset, length) in changed) disk.Read(offset, image.AsSpan(checked((int)offset), checked((int)length)));
        }
        var restored = Path.Combine(rig.Folder, "restored.raw");
        await File.WriteAllBytesAsync(restored, image, TestContext.Current.CancellationToken);
        var verdict = await rig.ControlAsync("/lab/compare", new { checkpointId = Bare(second), disk = 0, localPath = restored });
        Assert.True((bool)verdict["identical"]!, verdict.ToJsonString());
        Assert.Equal((string)verdict["recordedSha256"]!, (string)verdict["sha256"]!);

        image[5_000_000] ^= 1;
        await File.WriteAllBytesAsync(restored, image, TestContext.Current.CancellationToken);
        verdict = await rig.ControlAsync("/lab/compare", new { checkpointId = Bare(second), disk = 0, localPath = restored });
        Assert.False((bool)verdict["identical"]!);
        Assert.Equal(5_000_000, (long)verdict["firstDifferenceOffset"]!);

        await rig.FinishAsync(await rig.InvokeAsync(Snapshots, "DestroySnapshot",
            ("AffectedSnapshot", Reference("Msvm_VirtualSystemSettingData", ("InstanceID", second)))));
        await rig.FinishAsync(await rig.InvokeAsync("Msvm_VirtualSystemReferencePointService", "DestroyReferencePoint",
            ("AffectedReferencePoint", Reference("Msvm_VirtualSystemReferencePoint", ("InstanceID", point)))));
        Assert.Empty(await rig.QueryAsync("SELECT * FROM Msvm_VirtualSystemReferencePoint"));
        await rig.MergedAsync();
        Assert.Empty(Directory.EnumerateFiles(rig.Local(@"C:\VMs\small\Virtual Hard Disks"), "*.avhdx"));
    }

    private async Task<string> CheckpointAsync(string vm) =>
        await rig.CreatedAsync(await rig.FinishAsync(await rig.InvokeAsync(Snapshots, "CreateSnapshot",
        ("AffectedSystem", Reference("Msvm_ComputerSystem", ("CreationClassName", "Msvm_ComputerSystem"), ("Name", vm))),
        ("SnapshotSettings", """
            &lt;INSTANCE CLASSNAME="Msvm_VirtualSystemSnapshotSettingData"&gt;
            &lt;PROPERTY NAME="ConsistencyLevel" TYPE="uint8"&gt;&lt;VALUE&gt;1&lt;/VALUE&gt;&lt;/PROPERTY&gt;&lt;/INSTANCE&gt;
            """),
        ("SnapshotType", "32768"))));

    private async Task<string> ConvertAsync(string checkpoint) => await rig.CreatedAsync(await rig.FinishAsync(await rig.InvokeAsync(Snapshots,
        "ConvertToReferencePoint", ("AffectedSnapshot", Reference("Msvm_VirtualSystemSettingData", ("InstanceID", checkpoint))))));

    private async Task<string> FrozenPathAsync(string checkpoint)
    {
        var disks = await rig.QueryAsync($"ASSOCIATORS OF {{Msvm_VirtualSystemSettingData.InstanceID='{checkpoint}'}} "
            + "WHERE AssocClass = Msvm_VirtualSystemSettingDataComponent ResultClass = Msvm_StorageAllocationSettingData");
        return Value(disks.Single(), "HostResource");
    }

    private async Task<VirtualDisk> OpenFrozenAsync(string checkpoint)
    {
        var path = rig.Local(await FrozenPathAsync(checkpoint));
        Assert.False(File.Exists(path + ".lock"));
        return VirtualDisk.Open(path, new DiskOpenOptions());
    }

    private async Task<byte[]> ReadFrozenAsync(string checkpoint)
    {
        using var disk = await OpenFrozenAsync(checkpoint);
        var bytes = new byte[disk.Length];
        disk.Read(0, bytes);
        return bytes;
    }

    private async Task<List<(long Offset, long Length)>> ChangesAsync(string checkpoint, string tracking)
    {
        var answer = await rig.InvokeAsync("Msvm_ImageManagementService", "GetVirtualDiskChanges", ("Path", await FrozenPathAsync(checkpoint)),
            ("LimitId", tracking), ("TargetSnapshotId", ""), ("ByteOffset", "0"), ("ByteLength", DiskLength.ToString()));
        Assert.Equal("0", Value(answer, "ReturnValue"));
        Assert.Equal(DiskLength.ToString(), Value(answer, "ProcessedByteLength"));
        long[] All(string name) => [.. answer.Elements().Where(e => e.Name.LocalName == name).Select(e => long.Parse(e.Value))];
        return [.. All("ChangedByteOffsets").Zip(All("ChangedByteLengths"))];
    }

    private static Guid Bare(string instanceId) => Guid.Parse(instanceId["Microsoft:".Length..]);
}
