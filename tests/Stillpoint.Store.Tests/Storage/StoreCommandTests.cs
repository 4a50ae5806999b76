using System.Text.Json;
using Stillpoint.Chunks;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary><c>stillpoint store</c> as scripts see it: JSON, exit codes, what is refused.</summary>
[Trait("Kind", "Slow")]
public sealed class StoreCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("stillpoint-command-").FullName;
    private readonly string? _command = Checkout.Command();

    [Fact]
    public async Task The_whole_story()
    {
        Assert.SkipUnless(_command is not null, "the stillpoint command is not built");
        var disk = Disks.Make(6 << 20, seed: 1, share: 0.6);
        await File.WriteAllBytesAsync(In("a.raw"), disk);
        Assert.Equal(0, (await RunAsync("store", "init", In("u"), "--chunk-size", "64K", "--level", "3")).Code);
        Assert.Equal(1, (await RunAsync("store", "init", In("u"))).Code);

        var full = await JsonAsync("store", "backup", In("u"), In("a.raw"), "--vm", "web", "--output", "json");
        Assert.Equal("full", full.GetProperty("type").GetString());
        Disks.Fill(disk.AsSpan(1_000_000, 70_000), new Random(1));
        await File.WriteAllBytesAsync(In("a.raw"), disk);
        await File.WriteAllTextAsync(In("changed"), "# what changed\n1060000 10000\n1000000 65000   # overlaps\n\n1010000\t51000\n");
        var incremental = await JsonAsync("store", "backup", In("u"), In("a.raw"), "--vm", "web", "--base", "latest", "--changed", In("changed"), "--output", "json");
        var figures = incremental.GetProperty("disks")[0];
        Assert.Equal("differential-incremental", incremental.GetProperty("type").GetString());
        Assert.Equal(70_000, figures.GetProperty("bytesChanged").GetInt64());
        Assert.Equal(2 * Disks.Chunk, figures.GetProperty("bytesRead").GetInt64());
        Assert.Equal(2 * Disks.Chunk, figures.GetProperty("bytesSent").GetInt64());

        var id = incremental.GetProperty("id").GetString()!;
        Assert.Equal(0, (await RunAsync("store", "restore", In("u"), id[..8], In("r.raw"))).Code);
        Assert.Equal(disk, await File.ReadAllBytesAsync(In("r.raw")));
        Assert.Equal(1, (await RunAsync("store", "restore", In("u"), id, In("r.raw"))).Code);

        Assert.Equal("sound", (await JsonAsync("store", "verify", In("u"), "--output", "json")).GetProperty("verdict").GetString());
        var images = await JsonAsync("store", "images", In("u"), "--output", "json");
        Assert.Equal([id, full.GetProperty("id").GetString()], images.EnumerateArray().Select(i => i.GetProperty("id").GetString()));
        Assert.Equal("web", images[0].GetProperty("vm").GetString());
        Assert.Equal("sound", images[0].GetProperty("verified").GetProperty("result").GetString());
        Assert.Equal(2, (await JsonAsync("store", "stats", In("u"), "--output", "json")).GetProperty("stats").GetProperty("images").GetInt32());
        Assert.Contains("images", (await RunAsync("store", "stats", In("u"))).Output.Split('\n')[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Exit_codes_say_what_happened()
    {
        Assert.SkipUnless(_command is not null, "the stillpoint command is not built");
        await File.WriteAllBytesAsync(In("a.raw"), Disks.Make(2 << 20, seed: 1, share: 1));
        foreach (var verb in new[] { "images", "verify", "stats" }) Assert.Equal(10, (await RunAsync("store", verb, In("none"))).Code);
        Assert.Equal(0, (await RunAsync("store", "init", In("u"))).Code);
        Assert.Equal(10, (await RunAsync("store", "backup", In("u"), In("none.raw"), "--vm", "web")).Code);
        Assert.Equal(10, (await RunAsync("store", "restore", In("u"), "latest", In("r.raw"))).Code);
        Assert.Equal(0, (await RunAsync("store", "backup", In("u"), In("a.raw"), "--vm", "web")).Code);
        Assert.Equal(10, (await RunAsync("store", "restore", In("u"), "ffffffffffff", In("r.raw"))).Code);

        await File.WriteAllTextAsync(In("changed"), "0 2097153\n");
        var past = await RunAsync("store", "backup", In("u"), In("a.raw"), "--vm", "web", "--base", "latest", "--changed", In("changed"));
        Assert.Equal(1, past.Code);
        Assert.Contains("line 1", past.Error, StringComparison.Ordinal);
        Assert.Equal(1, (await RunAsync("store", "backup", In("u"), In("a.raw"), "--vm", "web", "--base", "latest")).Code);

        var pack = Directory.EnumerateFiles(In("u"), "*.data", SearchOption.AllDirectories).Single();
        var bytes = await File.ReadAllBytesAsync(pack);
        bytes[bytes.Length / 2] ^= 1;
        await File.WriteAllBytesAsync(pack, bytes);
        Assert.Equal(4, (await RunAsync("store", "verify", In("u"), "--stored")).Code);
        Assert.Equal(4, (await RunAsync("store", "verify", In("u"))).Code);
        Assert.Equal(1, (await RunAsync("store", "restore", In("u"), "latest", In("r.raw"))).Code);
        Assert.False(File.Exists(In("r.raw")));
        await File.WriteAllTextAsync(In("changed"), "0 512\n");
        var onDamaged = await JsonAsync(
            "store", "backup", In("u"), In("a.raw"), "--vm", "web", "--base", "latest", "--changed", In("changed"), "--output", "json");
        Assert.Equal(("full", "the base is damaged or suspect"), (onDamaged.GetProperty("type").GetString(), onDamaged.GetProperty("disks")[0].GetProperty("fullReason").GetString()));
        Assert.Equal(0, (await RunAsync("store", "restore", In("u"), "latest", In("r.raw"))).Code);
        Assert.Equal(0, (await RunAsync("store", "verify", In("u"))).Code);
    }

    [Fact]
    public async Task A_key_of_another_domain_checks_nothing_and_says_so()
    {
        Assert.SkipUnless(_command is not null, "the stillpoint command is not built");
        await File.WriteAllBytesAsync(In("a.raw"), Disks.Make(1 << 20, seed: 1, share: 1));
        Assert.Equal(0, (await RunAsync("store", "init", In("u"))).Code);
        Assert.Equal(0, (await RunAsync("store", "backup", In("u"), In("a.raw"), "--vm", "web")).Code);
        Assert.Equal(0, (await RunAsync("store", "init", In("other"), "--key-file", In("key2"))).Code);

        var none = await RunAsync("store", "verify", In("u"), "--key-file", In("key2"));
        Assert.Equal(1, none.Code);
        Assert.Contains("nothing was checked: the unit's 1 image belongs to other key domains", none.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("sound", none.Output, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync("store", "verify", In("u"), "--stored")).Code);
        Assert.Contains("note: 1 of 1 images is", (await RunAsync("store", "images", In("u"), "--key-file", In("key2"))).Error, StringComparison.Ordinal);
        Assert.DoesNotContain("note:", (await RunAsync("store", "images", In("u"))).Error, StringComparison.Ordinal);

        Assert.Equal(0, (await RunAsync("store", "backup", In("u"), In("a.raw"), "--vm", "web", "--key-file", In("key2"))).Code);
        var some = await RunAsync("store", "verify", In("u"), "--key-file", In("key2"));
        Assert.Equal(0, some.Code);
        Assert.Contains("sound: 1 image,", some.Output, StringComparison.Ordinal);
        Assert.Contains("warning: 1 image belongs to other key domains and was not checked", some.Error, StringComparison.Ordinal);
        // All of this key's were checked just now, which is not the same as that there are none.
        var lately = await RunAsync("store", "verify", In("u"), "--key-file", In("key2"), "--older-than", "30d");
        Assert.Equal(0, lately.Code);
        Assert.Contains("nothing is older: 1 image was found sound within that time", lately.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_list_of_images_says_which_are_held_locked_suspect_and_damaged()
    {
        Assert.SkipUnless(_command is not null, "the stillpoint command is not built");
        var disk = Disks.Make(1 << 20, seed: 1, share: 1);
        await File.WriteAllBytesAsync(In("a.raw"), disk);
        Assert.Equal(0, (await RunAsync("store", "init", In("u"))).Code);
        Assert.Equal(0, (await RunAsync("store", "backup", In("u"), In("a.raw"), "--vm", "web")).Code);
        await File.WriteAllTextAsync(In("changed"), "0 512\n");
        var suspect = await JsonAsync("store", "backup", In("u"), In("a.raw"), "--vm", "web", "--base", "latest", "--changed", In("changed"), "--output", "json");
        Assert.DoesNotContain("state", (await RunAsync("store", "images", In("u"))).Output, StringComparison.Ordinal);
        disk[700_000] ^= 1;
        await File.WriteAllBytesAsync(In("a.raw"), disk);
        Assert.Equal(0, (await RunAsync("store", "backup", In("u"), In("a.raw"), "--vm", "web", "--base", "latest", "--changed", In("changed"))).Code);
        var id = suspect.GetProperty("id").GetString()!;
        Assert.Equal(0, (await RunAsync("store", "lock", In("u"), "latest", "--until", "2100-01-31")).Code);
        Assert.Equal(0, (await RunAsync("store", "hold", In("u"), id)).Code);

        var images = await JsonAsync("store", "images", In("u"), "--output", "json");
        Assert.Equal([false, true, false], images.EnumerateArray().Select(i => i.GetProperty("held").GetBoolean()));
        Assert.Equal(new DateTimeOffset(2100, 1, 31, 0, 0, 0, TimeSpan.Zero), images[0].GetProperty("lockedUntil").GetDateTimeOffset());
        Assert.False(images[1].TryGetProperty("lockedUntil", out _));
        Assert.Equal("suspect", images[1].GetProperty("doubt").GetString());
        Assert.False(images[2].TryGetProperty("doubt", out _));
        var table = (await RunAsync("store", "images", In("u"))).Output;
        Assert.Contains("locked until 2100-01-31", table, StringComparison.Ordinal);
        Assert.Contains("SUSPECT, held", table, StringComparison.Ordinal);

        foreach (var pack in Directory.EnumerateFiles(In("u"), "*.data", SearchOption.AllDirectories).ToList()) File.Delete(pack);
        Assert.Equal(4, (await RunAsync("store", "verify", In("u"), "--stored")).Code);
        images = await JsonAsync("store", "images", In("u"), "--output", "json");
        Assert.Equal(["damaged", "suspect", "damaged"], images.EnumerateArray().Select(i => i.GetProperty("doubt").GetString()));
        Assert.Equal(["damaged", "suspect"], images[1].GetProperty("doubts").EnumerateArray().Select(d => d.GetString()));
        table = (await RunAsync("store", "images", In("u"))).Output;
        Assert.Contains("DAMAGED, SUSPECT, held", table, StringComparison.Ordinal);
        Assert.Contains(id, table, StringComparison.Ordinal);

        // Narrow, each image keeps to its line.
        Assert.SkipUnless(Programs.Has("script"), "script is not installed (package bsdutils)");
        Assert.Equal(0, (await RunAsync("store", "init", In("u2"))).Code);
        Assert.Equal(0, (await RunAsync("store", "backup", In("u2"), In("a.raw"), "--vm", "a-machine-with-a-name-that-is-far-too-long-for-it")).Code);
        Assert.Equal(0, (await RunAsync("store", "lock", In("u2"), "latest", "--until", "2100-01-31")).Code);
        foreach (var (unit, states) in ((string, string[])[])[("u", ["DAMAGED, locked", "DAMAGED, SUSPECT, held", "DAMAGED"]), ("u2", ["locked 2100-01-31"])])
        {
            var ids = (await JsonAsync("store", "images", In(unit), "--output", "json")).EnumerateArray().Select(i => i.GetProperty("id").GetString()!).ToList();
            var lines = (await CommandLine.OnTerminalAsync(_command, In("key"), 80, "store", "images", In(unit))).Output
                .Split('\n').Select(l => l.TrimEnd()).Where(l => l.Length > 0).ToList();
            Assert.All(lines, l => Assert.True(l.Length <= 80, l));
            // A line above the names, the names, a line below, the images, a line.
            Assert.Equal(ids.Count + 4, lines.Count);
            for (var i = 0; i < ids.Count; i++)
            {
                Assert.Contains(ids[i][..8], lines[i + 3], StringComparison.Ordinal);
                Assert.Contains($" {states[i]} ", lines[i + 3], StringComparison.Ordinal);
            }
            if (unit == "u2") Assert.Contains(" a-mach", lines[3], StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task One_disk_is_restored_to_a_file_whatever_else_the_image_holds()
    {
        Assert.SkipUnless(_command is not null, "the stillpoint command is not built");
        var disk = Disks.Make(1 << 20, seed: 1, share: 1);
        Assert.Equal(0, (await RunAsync("store", "init", In("u"))).Code);
        await StoreAsync(disk, "state"u8.ToArray());
        var restored = await RunAsync("store", "restore", In("u"), "latest", In("r.raw"));
        Assert.Equal(0, restored.Code);
        Assert.Contains("configuration files of the image (1) are left out", restored.Error, StringComparison.Ordinal);
        Assert.Equal(disk, await File.ReadAllBytesAsync(In("r.raw")));
        Assert.Equal(0, (await RunAsync("store", "restore", In("u"), "latest", In("r.vhdx"))).Code);
        Assert.Equal("vhdxfile"u8.ToArray(), (await File.ReadAllBytesAsync(In("r.vhdx")))[..8]);
        Assert.Contains("exists already", (await RunAsync("store", "restore", In("u"), "latest", In("r.raw"))).Error, StringComparison.Ordinal);
        Directory.CreateDirectory(In("full"));
        await File.WriteAllTextAsync(In("full/photo.jpg"), "mine");
        Assert.Contains("is a folder", (await RunAsync("store", "restore", In("u"), "latest", In("full"))).Error, StringComparison.Ordinal);
        Assert.Contains("is not empty", (await RunAsync("store", "restore", In("u"), "latest", In("full/"))).Error, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync("store", "restore", In("u"), "latest", In("all/"))).Code);
        Assert.Equal(disk, await File.ReadAllBytesAsync(In("all/disk.raw")));
        Assert.Equal("state"u8.ToArray(), await File.ReadAllBytesAsync(In("all/vm.vmcx")));

        foreach (var name in new[] { "a.raw", "b.raw" }) await File.WriteAllBytesAsync(In(name), disk);
        Assert.Equal(0, (await RunAsync("store", "backup", In("u"), $"{In("a.raw")},{In("b.raw")}", "--vm", "two")).Code);
        Assert.Contains("is a file", (await RunAsync("store", "restore", In("u"), "latest", In("r.raw"), "--vm", "two")).Error, StringComparison.Ordinal);
        var full = await RunAsync("store", "restore", In("u"), "latest", In("full"), "--vm", "two");
        Assert.Equal(1, full.Code);
        Assert.Contains("is not empty", full.Error, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync("store", "restore", In("u"), "latest", In("two"), "--vm", "two")).Code);
        Assert.Equal(disk, await File.ReadAllBytesAsync(In("two/b.raw")));
    }

    [Theory]
    [InlineData("QCOW2", 0, "514649fb")]
    [InlineData("VMDK", 0, "4b444d56")]
    [InlineData("VMDK", 0, "23204469736b2044657363726970746f7246696c65")]
    [InlineData("VDI", 64, "7f10dabe")]
    public async Task A_disk_of_a_foreign_format_is_refused_not_taken_as_raw(string format, int offset, string magic)
    {
        Assert.SkipUnless(_command is not null, "the stillpoint command is not built");
        var bytes = new byte[1 << 20];
        Convert.FromHexString(magic).CopyTo(bytes, offset);
        await File.WriteAllBytesAsync(In("a.img"), bytes);
        Assert.Equal(0, (await RunAsync("store", "init", In("u"))).Code);
        foreach (var refused in new[] { await RunAsync("store", "backup", In("u"), In("a.img"), "--vm", "web"), await RunAsync("disk", "info", In("a.img")) })
        {
            Assert.Equal(1, refused.Code);
            Assert.Contains($"is a {format} file", refused.Error, StringComparison.Ordinal);
            Assert.Contains("qemu-img convert", refused.Error, StringComparison.Ordinal);
        }
        Assert.Equal("[]", (await RunAsync("store", "images", In("u"), "--output", "json")).Output.Trim());
    }

    [Fact]
    public async Task A_target_named_for_a_foreign_format_is_refused()
    {
        Assert.SkipUnless(_command is not null, "the stillpoint command is not built");
        await File.WriteAllBytesAsync(In("a.raw"), Disks.Make(1 << 20, seed: 1, share: 1));
        Assert.Equal(0, (await RunAsync("store", "init", In("u"))).Code);
        Assert.Equal(0, (await RunAsync("store", "backup", In("u"), In("a.raw"), "--vm", "web")).Code);
        foreach (var target in new[] { In("r.qcow2"), In("r.vmdk") })
        {
            foreach (var refused in new[] { await RunAsync("store", "restore", In("u"), "latest", target), await RunAsync("disk", "convert", In("a.raw"), target) })
            {
                Assert.Equal(1, refused.Code);
                Assert.Contains(target.EndsWith('2') ? "QCOW2 file" : "VMDK file", refused.Error, StringComparison.Ordinal);
            }
            Assert.False(File.Exists(target));
        }
    }

    [Fact]
    public async Task A_write_that_the_list_lacks_means_a_full_read_and_is_said()
    {
        Assert.SkipUnless(_command is not null, "the stillpoint command is not built");
        var disk = Disks.Make(4 << 20, seed: 1, share: 1);
        await File.WriteAllBytesAsync(In("a.raw"), disk);
        Assert.Equal(0, (await RunAsync("store", "init", In("u"))).Code);
        Assert.Equal(0, (await RunAsync("store", "backup", In("u"), In("a.raw"), "--vm", "web")).Code);
        disk[3_000_000] ^= 1;
        await File.WriteAllBytesAsync(In("a.raw"), disk);
        await File.WriteAllTextAsync(In("changed"), "0 512\n");
        var image = await JsonAsync("store", "backup", In("u"), In("a.raw"), "--vm", "web", "--base", "latest", "--changed", In("changed"), "--output", "json");
        Assert.Equal("change tracking missed a write", image.GetProperty("disks")[0].GetProperty("fullReason").GetString());
        Assert.Equal(0, (await RunAsync("store", "restore", In("u"), "latest", In("r.raw"))).Code);
        Assert.Equal(disk, await File.ReadAllBytesAsync(In("r.raw")));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string In(string name) => Path.Combine(_folder, name);

    /// <summary>Stores an image of one disk and one configuration file, as a backup of a VM does.</summary>
    private async Task StoreAsync(byte[] disk, byte[] file)
    {
        using var keys = new DomainKeys(KeyFile.Parse(await File.ReadAllBytesAsync(In("key")), In("key")));
        using var random = new SeededRandom(1);
        await using var unit = await StorageUnit.OpenInAsync(In("u"), new UnitEnvironment(TimeProvider.System, Guid.NewGuid), default);
        await using var writer = await unit.OpenWriterAsync(new WriterScope(keys.Domain), default);
        using var session = new UploadSession(writer, keys, random);
        var first = await DiskUpload.RunAsync(session, DiskWork.Full(new MemorySource(disk)), null, default);
        var second = await DiskUpload.RunAsync(session, DiskWork.Full(new MemorySource(file), StreamKind.File), null, default);
        var header = new ImageHeader(
            Guid.NewGuid(), keys.Domain, Guid.NewGuid(), Guid.NewGuid(), TimeProvider.System.GetUtcNow(), ImageType.Full, Consistency.Off, null, [first, second]);
        var details = TestUnit.Details("web", disk.Length) with { Files = [new FileDetails("vm.vmcx", "configuration")] };
        await writer.CommitAsync(header, ImageDetailsCodec.Seal(keys, header, details, random), session.Totals, default);
    }

    private async Task<JsonElement> JsonAsync(params string[] arguments)
    {
        var (code, output, error) = await RunAsync(arguments);
        Assert.True(code == 0, error);
        return JsonDocument.Parse(output).RootElement;
    }

    private async Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        using var process = CommandLine.Start(_command!, In("key"), null, arguments);
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await error);
    }
}
