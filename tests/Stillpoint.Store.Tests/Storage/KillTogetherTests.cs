using System.Diagnostics;

namespace Stillpoint.Store.Tests;

/// <summary>Backup, prune, collect and verify as processes beside each other, one of them killed dead at a random moment, again and again: what was
/// committed last restores, and nothing is damaged.</summary>
[Trait("Kind", "Slow")]
public sealed class KillTogetherTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("stillpoint-together-").FullName;
    private readonly string? _command = CommandLine.Find();

    [Fact]
    public Task Ten_kills_lose_nothing() => KillAsync(10, seed: 1);

    [Fact(Explicit = true)]
    public Task A_thousand_kills_lose_nothing() => KillAsync(1000, seed: 2);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Unit => Path.Combine(_folder, "unit");

    private string Disk => Path.Combine(_folder, "disk.raw");

    private async Task KillAsync(int kills, int seed)
    {
        Assert.SkipUnless(_command is not null, "the stillpoint command is not built");
        Assert.Equal(0, await RunAsync("store", "init", Unit));
        var random = new Random(seed);
        var disk = Disks.Make(8 << 20, seed, share: 0.8);
        // The disks that may be the latest: the last that was said to be committed, and those of killed backups after it.
        var latest = new List<byte[]>();
        for (var done = 0; done < kills;)
        {
            Disks.Fill(disk.AsSpan(random.Next(7) << 20, 1 << 20), random);
            await File.WriteAllBytesAsync(Disk, disk);
            Process[] all =
            [
                Start("store", "backup", Unit, Disk, "--vm", "web"), Start("store", "prune", Unit, "--keep-last", "2"),
                Start("store", "collect", Unit, "--patience", "3s"), Start("store", "verify", Unit),
            ];
            var victim = all[random.Next(all.Length)];
            await Task.WhenAny(victim.WaitForExitAsync(), Task.Delay(random.Next(50, 900)));
            var killed = !victim.HasExited;
            if (killed)
            {
                victim.Kill();
                done++;
            }
            await Task.WhenAll(all.Select(p => p.WaitForExitAsync()));
            if (all[0].ExitCode == 0) latest.Clear();
            latest.Add((byte[])disk.Clone());
            foreach (var process in all.Skip(1).Where(p => p != victim || !killed)) Assert.Equal(0, process.ExitCode);
            foreach (var process in all) process.Dispose();
        }
        Assert.Equal(0, await RunAsync("store", "collect", Unit, "--patience", "1s"));
        Assert.Equal(0, await RunAsync("store", "verify", Unit));
        var target = Path.Combine(_folder, "restored.raw");
        Assert.Equal(0, await RunAsync("store", "restore", Unit, "latest", target));
        var restored = await File.ReadAllBytesAsync(target);
        Assert.Contains(latest, d => d.AsSpan().SequenceEqual(restored));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(Unit, "condemned")));
    }

    private async Task<int> RunAsync(params string[] arguments)
    {
        using var process = Start(arguments);
        await process.WaitForExitAsync();
        return process.ExitCode;
    }

    private Process Start(params string[] arguments)
    {
        var process = CommandLine.Start(_command!, Path.Combine(_folder, "key"), null, arguments);
        process.OutputDataReceived += static (_, _) => { };
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }
}
