using System.Buffers.Binary;
using Microsoft.Extensions.Time.Testing;
using Stillpoint.VirtualDisks;

namespace Stillpoint.Disks.Tests;

public sealed class VhdFooterTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("win ", 8_000_000)]
    [InlineData("d2v ", 8_000_000)]
    [InlineData("qem2", 8_000_000)]
    [InlineData("vpc ", 229L * 4 * 17 * 512)]
    [InlineData("qemu", 229L * 4 * 17 * 512)]
    public void The_size_is_what_the_creator_means(string creator, long expected)
    {
        using (VhdFile.Create(_folder["a.vhd"], Options(8_000_000 / 512 * 512, DiskKind.Dynamic))) { }
        Edit("a.vhd", footer => System.Text.Encoding.ASCII.GetBytes(creator, footer.AsSpan(28)));
        using var disk = VirtualDisk.Open(_folder["a.vhd"], new DiskOpenOptions());
        Assert.Equal(expected / 512 * 512, disk.Length);
    }

    [Fact]
    public void A_footer_of_511_bytes_is_read()
    {
        using (var disk = VhdFile.Create(_folder["a.vhd"], Options(1 << 20, DiskKind.Fixed))) disk.Write(700, [9]);
        using (var file = File.OpenWrite(_folder["a.vhd"])) file.SetLength(file.Length - 1);
        using var again = VirtualDisk.Open(_folder["a.vhd"], new DiskOpenOptions());
        Assert.Equal(1 << 20, again.Length);
    }

    [Fact]
    public void A_dynamic_disk_opens_without_the_footer_at_its_end()
    {
        using (var disk = VhdFile.Create(_folder["a.vhd"], Options(8 << 20, DiskKind.Dynamic)))
        {
            disk.Write(3 << 20, [1, 2, 3]);
            disk.Flush();
        }
        using (var file = File.OpenWrite(_folder["a.vhd"])) file.SetLength(file.Length - 512);
        using var again = VirtualDisk.Open(_folder["a.vhd"], new DiskOpenOptions());
        var bytes = new byte[3];
        again.Read(3 << 20, bytes);
        Assert.Equal([1, 2, 3], bytes);
    }

    private VhdCreateOptions Options(long length, DiskKind kind) => new() { Length = length, Kind = kind, NewId = _folder.NewId, Time = new FakeTimeProvider() };

    private void Edit(string name, Action<byte[]> change)
    {
        var bytes = File.ReadAllBytes(_folder[name]);
        foreach (var at in new[] { 0, bytes.Length - 512 })
        {
            var footer = bytes[at..(at + 512)];
            change(footer);
            BinaryPrimitives.WriteUInt32BigEndian(footer.AsSpan(64), VhdFooter.Checksum(footer, 64));
            footer.CopyTo(bytes, at);
        }
        File.WriteAllBytes(_folder[name], bytes);
    }
}
