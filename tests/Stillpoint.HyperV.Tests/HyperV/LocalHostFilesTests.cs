using Stillpoint.Model;
using Stillpoint.VirtualDisks;

namespace Stillpoint.HyperV.Tests;

public sealed class LocalHostFilesTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("stillpoint-hostfiles-").FullName;
    private readonly LocalHostFiles _files;
    private int _ids;

    public LocalHostFilesTests()
    {
        Directory.CreateDirectory(Path.Combine(_root, "c", "VMs", "Web"));
        Directory.CreateDirectory(Path.Combine(_root, "csv"));
        _files = new LocalHostFiles(
            [new(@"C:\", Path.Combine(_root, "c")), new(@"C:\ClusterStorage\Volume1", Path.Combine(_root, "csv")),
                new(@"\\nas\vms", Path.Combine(_root, "nas"))],
            NewId);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData(@"C:\VMs\Web\disk.vhdx", "c/VMs/Web/disk.vhdx")]
    [InlineData(@"c:\vms\WEB\Disk.vhdx", "c/VMs/Web/Disk.vhdx")]
    [InlineData(@"C:/VMs//web/x", "c/VMs/Web/x")]
    [InlineData(@"\\?\C:\VMs\x", "c/VMs/x")]
    [InlineData(@"C:\clusterstorage\volume1\a.vhdx", "csv/a.vhdx")]
    [InlineData(@"C:\ClusterStorage\Volume10\a.vhdx", "c/ClusterStorage/Volume10/a.vhdx")]
    [InlineData(@"\\NAS\VMs\a\b.vhdx", "nas/a/b.vhdx")]
    [InlineData(@"\\?\UNC\nas\vms\b.vhdx", "nas/b.vhdx")]
    public void A_host_path_is_found_under_the_longest_prefix_without_regard_to_case(string host, string local) =>
        Assert.Equal(Path.Combine(_root, local), _files.Local(host));

    [Theory]
    [InlineData(@"D:\x")]
    [InlineData(@"\\nas\other\x")]
    [InlineData(@"C:\VMs\..\..\..\etc\passwd")]
    [InlineData(@"C:\VMs\.\x")]
    [InlineData(@"C:x")]
    [InlineData("/etc/passwd")]
    [InlineData(@"VMs\x")]
    [InlineData(@"C:\VMs\a.vhdx:stream")]
    [InlineData("C:\\VMs\\a\0b")]
    [InlineData(@"\\.\PhysicalDrive0")]
    [InlineData("")]
    public void A_path_outside_the_map_or_not_whole_is_refused(string host) =>
        Assert.Throws<TroubleException>(() => _files.Exists(host));

    [Fact]
    public void Two_names_that_differ_in_case_alone_are_refused()
    {
        File.WriteAllText(Path.Combine(_root, "c", "A.txt"), "");
        File.WriteAllText(Path.Combine(_root, "c", "a.TXT"), "");
        Assert.Throws<TroubleException>(() => _files.Exists(@"C:\a.txt"));
    }

    [Fact]
    public void A_live_leaf_gives_a_sharing_violation_until_its_lock_goes()
    {
        var path = Path.Combine(_root, "c", "VMs", "leaf.avhdx");
        File.WriteAllText(path, "x");
        File.WriteAllText(path + ".lock", "");

        Assert.Equal(unchecked((int)0x80070020), Assert.Throws<IOException>(() => _files.OpenRead(@"C:\VMs\LEAF.avhdx")).HResult);
        Assert.Equal(unchecked((int)0x80070020), Assert.Throws<IOException>(() => _files.OpenDisk(@"C:\VMs\leaf.avhdx")).HResult);
        Assert.Equal(unchecked((int)0x80070020), Assert.Throws<IOException>(() => _files.Delete(@"C:\VMs\leaf.avhdx")).HResult);
        Assert.Equal([@"C:\VMs\leaf.avhdx"], _files.List(@"C:\VMs", "*.avhdx*"));

        File.Delete(path + ".lock");
        using (var stream = _files.OpenRead(@"C:\VMs\leaf.avhdx")) Assert.Equal('x', stream.ReadByte());
        _files.Delete(@"C:\VMs\leaf.avhdx");
        Assert.False(_files.Exists(@"C:\VMs\leaf.avhdx"));
    }

    [Fact]
    public void A_new_disk_makes_its_folder_and_refuses_what_is_there()
    {
        using (var disk = _files.CreateDisk(@"C:\Restored\Web\disk.vhdx", 64 << 20, 4096)) disk.Write(5 << 20, [1, 2, 3]);
        Assert.Throws<IOException>(() => _files.CreateDisk(@"C:\restored\WEB\DISK.vhdx", 64 << 20, 512));
        Assert.Throws<IOException>(() => _files.Create(@"C:\restored\web\disk.VHDX"));
        using var opened = _files.OpenDisk(@"C:\Restored\web\disk.vhdx");
        var bytes = new byte[3];
        opened.Read(5 << 20, bytes);
        Assert.Equal([1, 2, 3], bytes);
        Assert.Equal(4096, opened.LogicalSectorSize);
        Assert.Equal(_files.Length(@"C:\Restored\Web\disk.vhdx"), new FileInfo(Path.Combine(_root, "c/Restored/Web/disk.vhdx")).Length);
    }

    [Theory]
    [InlineData(@".\Base.vhdx", null)]
    [InlineData(@"..\web\BASE.VHDX", null)]
    [InlineData(null, @"c:\vms\web\base.vhdx")]
    [InlineData(@".\gone.vhdx", @"\\?\C:\VMs\Web\base.vhdx")]
    public void A_chain_is_followed_in_the_hosts_own_paths(string? relative, string? absolute)
    {
        MakeChain(new ParentPaths(relative, absolute));
        using var disk = _files.OpenDisk(@"C:\vms\web\child.avhdx");
        Assert.Equal(2, disk.Chain.Count());
        var bytes = new byte[2];
        disk.Read(0, bytes);
        Assert.Equal([7, 7], bytes);
    }

    [Fact]
    public void A_chain_stops_at_a_parent_that_a_vm_holds()
    {
        MakeChain(new ParentPaths(@".\base.vhdx"));
        File.WriteAllText(Path.Combine(_root, "c/VMs/Web/base.vhdx.lock"), "");
        Assert.Equal(unchecked((int)0x80070020), Assert.Throws<IOException>(() => _files.OpenDisk(@"C:\VMs\Web\child.avhdx")).HResult);
    }

    [Theory]
    [InlineData(@"..\..\..\outside.vhdx")]
    [InlineData(@"..\..\..\..\..\..\etc\hostname")]
    public void A_chain_cannot_lead_out_of_the_map(string relative)
    {
        MakeChain(new ParentPaths(relative));
        File.Copy(Path.Combine(_root, "c/VMs/Web/base.vhdx"), Path.Combine(_root, "outside.vhdx"));
        File.Delete(Path.Combine(_root, "c/VMs/Web/base.vhdx"));
        Assert.ThrowsAny<IOException>(() => _files.OpenDisk(@"C:\VMs\Web\child.avhdx"));
    }

    [Fact]
    public void Space_is_told_for_a_folder_that_is_not_there_yet()
    {
        var space = _files.Space(@"C:\VMs\New\Deep\disk.vhdx");
        Assert.InRange(space.FreeBytes, 1, space.TotalBytes);
    }

    [Fact]
    public void Only_empty_folders_go()
    {
        _files.Create(@"C:\VMs\Web\x.vmcx").Dispose();
        _files.DeleteFolderIfEmpty(@"C:\VMs\Web");
        Assert.True(_files.Exists(@"C:\VMs\Web\x.vmcx"));
        _files.Delete(@"C:\VMs\Web\x.vmcx");
        _files.DeleteFolderIfEmpty(@"C:\VMs\Web");
        Assert.False(Directory.Exists(Path.Combine(_root, "c/VMs/Web")));
    }

    [Theory]
    [InlineData(@"C:\=/srv/c", @"C:\", "/srv/c")]
    [InlineData(@"C:\ClusterStorage\Volume1\=/srv/v=1", @"C:\ClusterStorage\Volume1", "/srv/v=1")]
    [InlineData(@"\\nas\vms=/srv/nas", @"\\nas\vms", "/srv/nas")]
    public void A_mapping_is_read_from_text(string text, string prefix, string folder) =>
        Assert.Equal(new PathMapping(prefix, folder), PathMapping.Parse(text));

    [Theory]
    [InlineData("")]
    [InlineData("=/srv")]
    [InlineData(@"C:\=")]
    [InlineData("/srv=/srv")]
    public void A_malformed_mapping_is_refused(string text) => Assert.Throws<TroubleException>(() => PathMapping.Parse(text));

    private void MakeChain(ParentPaths paths)
    {
        var folder = Path.Combine(_root, "c", "VMs", "Web");
        var parent = Path.Combine(folder, "base.vhdx");
        using (var disk = VhdxDisk.Create(parent, new VhdxCreateOptions { Length = 8 << 20, NewId = NewId })) disk.Write(0, [7, 7]);
        var options = new VhdxCreateOptions { Kind = DiskKind.Differencing, Parent = parent, ParentPaths = paths, NewId = NewId };
        VhdxDisk.Create(Path.Combine(folder, "child.avhdx"), options).Dispose();
    }

    private Guid NewId() => new(++_ids, 1, 2, [3, 4, 5, 6, 7, 8, 9, 10]);
}
