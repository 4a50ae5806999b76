using Stillpoint.VirtualDisks;

namespace Stillpoint.Disks.Tests;

public sealed class VhdxDiskTests : IDisposable
{
    private const int Mebibyte = 1 << 20;
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(DiskKind.Dynamic, 1)]
    [InlineData(DiskKind.Dynamic, 32)]
    [InlineData(DiskKind.Fixed, 2)]
    public void What_was_written_is_read_after_opening_again(DiskKind kind, int blockMebibytes)
    {
        var path = _folder["a.vhdx"];
        var noise = TestFolder.Noise(1, (3 * Mebibyte) + 777);
        using (var disk = VhdxDisk.Create(path, Options(70 * Mebibyte) with { Kind = kind, BlockSize = blockMebibytes * Mebibyte }))
        {
            disk.Write(12345, noise);
            disk.Write(disk.Length - 100, noise.AsSpan(0, 100));
            disk.Flush();
        }
        using var again = VirtualDisk.Open(path, new DiskOpenOptions());
        Assert.Equal(kind, again.Kind);
        Assert.Equal(noise, Bytes(again, 12345, noise.Length));
        Assert.Equal(noise[..100], Bytes(again, again.Length - 100, 100));
        Assert.All(Bytes(again, 0, 12345), b => Assert.Equal(0, b));
        Assert.True(again.Data.Contains(12345) && again.Data.Contains(again.Length - 1));
        Assert.False(again.Data.Contains(60 * Mebibyte));
    }

    [Fact]
    public void A_child_shows_its_parent_where_it_holds_nothing_and_merges_into_it()
    {
        var lower = TestFolder.Noise(2, 5 * Mebibyte);
        using (var disk = VhdxDisk.Create(_folder["base.vhdx"], Options(16 * Mebibyte) with { BlockSize = Mebibyte }))
        {
            disk.Write(Mebibyte / 2, lower);
            disk.Flush();
        }
        var expected = new byte[16 * Mebibyte];
        lower.CopyTo(expected, Mebibyte / 2);
        using (var child = VhdxDisk.Create(_folder["child.avhdx"], Child("base.vhdx")))
        {
            foreach (var (offset, seed, length) in new[] { (100, 3, 1000), (3 * Mebibyte, 4, 2 * Mebibyte), (7 * Mebibyte, 5, 513) })
            {
                var bytes = TestFolder.Noise(seed, length);
                child.Write(offset, bytes);
                bytes.CopyTo(expected, offset);
            }
            child.Zero(Mebibyte, Mebibyte);
            expected.AsSpan(Mebibyte, Mebibyte).Clear();
            Assert.Equal(expected, Bytes(child, 0, expected.Length));
            child.Flush();
        }
        using (var child = VirtualDisk.Open(_folder["child.avhdx"], new DiskOpenOptions()))
        {
            Assert.Equal(expected, Bytes(child, 0, expected.Length));
            Assert.Equal(2, child.ChainWriteIds.Count);
            Assert.Equal(child.VirtualDiskId, child.Parent!.VirtualDiskId);
        }
        VhdxDisk.MergeIntoParent(_folder["child.avhdx"], new VhdxMergeOptions { NewId = _folder.NewId });
        using (var child = VirtualDisk.Open(_folder["child.avhdx"], new DiskOpenOptions())) Assert.Equal(expected, Bytes(child, 0, expected.Length));
        using var merged = VirtualDisk.Open(_folder["base.vhdx"], new DiskOpenOptions());
        Assert.Equal(expected, Bytes(merged, 0, expected.Length));
    }

    [Fact]
    public void A_parent_that_was_written_is_refused_by_its_child()
    {
        VhdxDisk.Create(_folder["base.vhdx"], Options(4 * Mebibyte)).Dispose();
        VhdxDisk.Create(_folder["child.avhdx"], Child("base.vhdx")).Dispose();
        using (VirtualDisk.Open(_folder["base.vhdx"], Writable())) { }
        VirtualDisk.Open(_folder["child.avhdx"], new DiskOpenOptions()).Dispose();

        using (var disk = VirtualDisk.Open(_folder["base.vhdx"], Writable())) disk.Write(0, [1]);
        var refused = Assert.Throws<DiskFormatException>(() => VirtualDisk.Open(_folder["child.avhdx"], new DiskOpenOptions()));
        Assert.Contains("was changed since the child was made", refused.Message);
    }

    [Fact]
    public void Parents_open_for_reading_while_a_child_is_open_for_writing()
    {
        VhdxDisk.Create(_folder["base.vhdx"], Options(4 * Mebibyte)).Dispose();
        using var child = VhdxDisk.Create(_folder["child.avhdx"], Child("base.vhdx"));
        using var frozen = VirtualDisk.Open(_folder["base.vhdx"], new DiskOpenOptions());
        child.Write(0, [7]);
        Assert.Equal(0, Bytes(frozen, 0, 1)[0]);
        Assert.ThrowsAny<IOException>(() => VirtualDisk.Open(_folder["child.avhdx"], new DiskOpenOptions()));
        Assert.ThrowsAny<IOException>(() => VirtualDisk.Open(_folder["base.vhdx"], Writable()));
    }

    private VhdxCreateOptions Options(long length) => new() { Length = length, NewId = _folder.NewId };

    private VhdxCreateOptions Child(string parent) => new() { Kind = DiskKind.Differencing, Parent = _folder[parent], NewId = _folder.NewId };

    private DiskOpenOptions Writable() => new() { ReadOnly = false, NewId = _folder.NewId };

    private static byte[] Bytes(VirtualDisk disk, long offset, int length)
    {
        var bytes = new byte[length];
        disk.Read(offset, bytes);
        return bytes;
    }
}
