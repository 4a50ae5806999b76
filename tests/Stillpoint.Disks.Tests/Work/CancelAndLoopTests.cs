using Stillpoint.VirtualDisks;

namespace Stillpoint.Disks.Tests;

public sealed class CancelAndLoopTests : IDisposable
{
    private const int Mebibyte = 1 << 20;
    private static readonly CancellationToken s_cancelled = new(canceled: true);
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_that_is_its_own_parent_by_a_link_is_a_loop()
    {
        VhdxDisk.Create(_folder["p.vhdx"], new VhdxCreateOptions { Length = 8 * Mebibyte, NewId = _folder.NewId }).Dispose();
        Guid parent;
        using (var disk = VhdxDisk.Create(_folder["c.avhdx"], Child())) parent = disk.Parent!.WriteId!.Value;
        var alone = new DiskOpenOptions { ReadOnly = false, NewId = _folder.NewId, WithoutParent = true };
        using (var disk = (VhdxDisk)VirtualDisk.Open(_folder["c.avhdx"], alone)) disk.RenewWriteId(parent);
        File.Delete(_folder["p.vhdx"]);
        File.CreateSymbolicLink(_folder["p.vhdx"], _folder["c.avhdx"]);
        var refused = Assert.Throws<DiskFormatException>(() => VirtualDisk.Open(_folder["c.avhdx"], new DiskOpenOptions()));
        Assert.Contains("the chain is a loop", refused.Problem);
    }

    [Theory]
    [InlineData(DiskKind.Dynamic)]
    [InlineData(DiskKind.Fixed)]
    public void Check_and_resize_stop_when_they_are_told_and_leave_the_size(DiskKind kind)
    {
        var path = _folder["a.vhdx"];
        VhdxDisk.Create(path, new VhdxCreateOptions { Length = 64 * Mebibyte, Kind = kind, BlockSize = Mebibyte, NewId = _folder.NewId }).Dispose();
        Assert.ThrowsAny<OperationCanceledException>(() => DiskCheck.Run(path, new DiskOpenOptions(), null, s_cancelled));
        using (var disk = VirtualDisk.Open(path, new DiskOpenOptions { ReadOnly = false, NewId = _folder.NewId }))
        {
            Assert.ThrowsAny<OperationCanceledException>(() => disk.Resize(32 * Mebibyte, cancel: s_cancelled));
        }
        Assert.Empty(DiskCheck.Run(path, new DiskOpenOptions()));
        using var same = VirtualDisk.Open(path, new DiskOpenOptions());
        Assert.Equal(64 * Mebibyte, same.Length);
    }

    private VhdxCreateOptions Child() => new() { Kind = DiskKind.Differencing, Parent = _folder["p.vhdx"], NewId = _folder.NewId };
}
