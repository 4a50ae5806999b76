using System.Net;
using System.Security.Cryptography;
using Stillpoint.Lab;
using Stillpoint.VirtualDisks;

namespace Stillpoint.HyperV.Tests.Lab;

/// <summary>The three VMs of a new lab.</summary>
public sealed class FixtureTests
{
    private const int NtfsBoot = 2048 * 512;
    private const int ExtSuperblock = 2048 * 512 + 1024;

    [Fact]
    public async Task A_new_lab_has_three_vms_on_real_file_systems()
    {
        var folder = Directory.CreateTempSubdirectory("lab-").FullName;
        try
        {
            var ids = new Random(3);
            using var random = RandomNumberGenerator.Create();
            var options = new LabOptions
            {
                DataFolder = folder, Listen = new IPEndPoint(IPAddress.Loopback, 0), JobTime = TimeSpan.Zero, Random = random,
                NewId = () => { var bytes = new byte[16]; lock (ids) ids.NextBytes(bytes); return new Guid(bytes); },
            };
            await using (await LabServer.StartAsync(options))
            {
                var disks = Path.Combine(folder, "C", "VMs");
                Assert.Equal(["db", "legacy", "web"], Directory.GetDirectories(disks).Select(Path.GetFileName).Order());
                AssertHolds(Path.Combine(disks, "web", "Virtual Hard Disks", "web.vhdx"), NtfsBoot + 3, "NTFS    "u8);
                AssertHolds(Path.Combine(disks, "db", "Virtual Hard Disks", "db.vhdx"), ExtSuperblock + 0x38, [0x53, 0xEF]);
                AssertHolds(Path.Combine(disks, "db", "Virtual Hard Disks", "db-1.vhdx"), ExtSuperblock + 0x38, [0x53, 0xEF]);
                AssertHolds(Path.Combine(disks, "legacy", "Virtual Hard Disks", "legacy.vhdx"), ExtSuperblock + 0x38, [0x53, 0xEF]);
            }
            // A second start makes nothing anew.
            var state = await File.ReadAllBytesAsync(Path.Combine(folder, "state.json"), TestContext.Current.CancellationToken);
            await using (await LabServer.StartAsync(options))
            {
                Assert.Equal(state, await File.ReadAllBytesAsync(Path.Combine(folder, "state.json"), TestContext.Current.CancellationToken));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Fixtures_are_small_and_their_data_file_is_zeros_that_belong_to_it()
    {
        foreach (var name in FixtureMachine.All.SelectMany(m => m.Disks).Distinct())
        {
            Assert.InRange(new FileInfo(Path.Combine(AppContext.BaseDirectory, "lab-fixtures", name + ".raw.zst")).Length, 1, 3 << 20);
            var disk = FixtureDisk.Open(name);
            Assert.InRange(disk.Areas.Sum(a => a.Length), 48L << 20, 64L << 20);
            long data = 0;
            foreach (var (offset, bytes) in disk.Content())
            {
                data += bytes.Length;
                foreach (var area in disk.Areas)
                {
                    var start = Math.Max(offset, area.Offset);
                    var end = Math.Min(offset + bytes.Length, area.Offset + area.Length);
                    if (end > start) Assert.False(bytes.Span[(int)(start - offset)..(int)(end - offset)].ContainsAnyExcept((byte)0));
                }
            }
            Assert.InRange(data, 1 << 20, 64 << 20);
        }
    }

    private static void AssertHolds(string path, long offset, ReadOnlySpan<byte> expected)
    {
        using var disk = VirtualDisk.Open(path, new DiskOpenOptions());
        Assert.Equal(256L << 20, disk.Length);
        var found = new byte[expected.Length];
        disk.Read(offset, found);
        Assert.Equal(expected, found);
    }
}
