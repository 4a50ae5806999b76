using System.Diagnostics;
using System.Security.Cryptography;

namespace Stillpoint.HyperV.Tests.Lab;

/// <summary>A second reader that shares nothing with ours: libvhdi mounts the lab's chain at a checkpoint, and what it reads is held against the
/// flat model. A bug that is the same in our reader and our writer passes every round trip; it does not pass here.</summary>
[Trait("Kind", "Slow")]
public sealed class WitnessTests : IAsyncLifetime
{
    private readonly LabRig _rig = new();

    public ValueTask InitializeAsync() => _rig.InitializeAsync();

    public ValueTask DisposeAsync() => _rig.DisposeAsync();

    [Fact]
    public async Task Libvhdi_reads_the_chain_at_every_checkpoint_as_the_flat_model_has_it()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/vhdimount") && File.Exists("/dev/fuse"), "needs vhdimount (libvhdi-utils) and FUSE");
        for (var round = 0; round < 3; round++)
        {
            await _rig.ControlAsync("/lab/write", new { vm = "small", bytes = 700_000, seed = 40 + round });
            var id = (Guid)(await _rig.ControlAsync("/lab/user-checkpoint", new { vm = "small" }))["checkpointId"]!;
            var record = (await _rig.ControlAsync("/lab/records")).AsArray().Single(r => (Guid)r!["checkpointId"]! == id)!["disks"]![0]!;
            Assert.Equal((string)record["sha256"]!, await ReadWithLibvhdiAsync(_rig.Local((string)record["path"]!), round + 1));
        }
    }

    private async Task<string> ReadWithLibvhdiAsync(string leaf, int layers)
    {
        var mount = Directory.CreateDirectory(Path.Combine(_rig.Folder, "mount")).FullName;
        await RunAsync("vhdimount", leaf, mount);
        try
        {
            // vhdi1 is the base, the last one the leaf.
            await using var disk = File.OpenRead(Path.Combine(mount, $"vhdi{layers}"));
            Assert.False(File.Exists(Path.Combine(mount, $"vhdi{layers + 1}")));
            return Convert.ToHexStringLower(await SHA256.HashDataAsync(disk, TestContext.Current.CancellationToken));
        }
        finally
        {
            await RunAsync("fusermount", "-u", mount);
        }
    }

    private static async Task RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        var error = process.StandardError.ReadToEndAsync();
        _ = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{program}: {await error}");
    }
}
