using Stillpoint.VirtualDisks;

namespace Stillpoint.Disks.Tests;

/// <summary>Where a parent is looked for, and where it is not.</summary>
public sealed class ParentLocatorTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Paths_are_tried_in_order_relative_volume_absolute()
    {
        Directory.CreateDirectory(_folder["vms/snapshots"]);
        foreach (var name in new[] { "vms/relative.vhdx", "volume.vhdx", "absolute.vhdx" }) File.WriteAllText(_folder[name], "");
        var child = _folder["vms/snapshots/child.avhdx"];
        var all = new Dictionary<string, string>
        {
            ["relative_path"] = @"..\relative.vhdx", ["volume_path"] = _folder["volume.vhdx"].Replace('/', '\\'), ["absolute_win32_path"] = _folder["absolute.vhdx"].Replace('/', '\\'),
        };
        string? Found() => ParentLocator.ResolveBeside(child, new ParentLocator(all));
        Assert.Equal([all["relative_path"], all["volume_path"], all["absolute_win32_path"]], new ParentLocator(all).Paths);
        Assert.Equal(_folder["vms/relative.vhdx"], Found());
        all.Remove("relative_path");
        Assert.Equal(_folder["volume.vhdx"], Found());
        all.Remove("volume_path");
        Assert.Equal(_folder["absolute.vhdx"], Found());
        all.Remove("absolute_win32_path");
        Assert.Null(Found());
    }

    [Theory]
    [InlineData(@"\\server\share\base.vhdx")]
    [InlineData(@"\\.\PhysicalDrive0")]
    [InlineData(@"\\?\UNC\server\share\base.vhdx")]
    [InlineData("base.vhdx\0.txt")]
    public void Network_and_device_paths_are_not_followed(string path)
    {
        foreach (var key in new[] { "relative_path", "volume_path", "absolute_win32_path" })
        {
            Assert.Null(ParentLocator.ResolveBeside(_folder["child.avhdx"], new ParentLocator(new Dictionary<string, string> { [key] = path })));
        }
    }
}
