using System.Diagnostics;

namespace Stillpoint.Store.Tests;

/// <summary>
/// Two units that processes work on beside each other: a backup into the first, a duplicate to the second, a prune, a collect and a verify of
/// either. Some of them are killed dead at random moments. After each round no image is gone that was not given up, after some all images of
/// both units restore byte for byte, and a collect that nobody disturbs leaves nothing of the dead behind.
/// </summary>
internal sealed class KilledPair(string command, int seed) : IDisposable
{
    /// <summary>What a prune keeps: more than the latest, so that old and new images share packs that a collect rewrites.</summary>
    private const int Kept = 4;

    private const int DiskBytes = 8 << 20;
    private const int Backup = 0;

    private readonly string _folder = Directory.CreateTempSubdirectory("stillpoint-together-").FullName;
    private readonly Random _random = new(seed);
    private readonly byte[] _disk = Disks.Make(DiskBytes, seed, share: 0.8);

    /// <summary>What each image holds, in the order of the backups.</summary>
    private readonly List<(Guid Id, byte[] Disk)> _made = [];

    /// <summary>Of each unit the images that were there at any time.</summary>
    private readonly HashSet<Guid>[] _seen = [[], []];

    /// <summary>Kills by command, images, restores that were compared, and backups and copies that were refused.</summary>
    public SortedDictionary<string, int> Kills { get; } = new(StringComparer.Ordinal);

    public int Restored { get; private set; }

    public int Refused { get; private set; }

    public int Images => _made.Count;

    public int Copies => _seen[1].Count;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Kills so many processes and looks at all images after every <paramref name="checkEvery"/> rounds, and at the end.</summary>
    public async Task RunAsync(int kills, int checkEvery)
    {
        await ExpectAsync("store", "init", Units[0]);
        await ExpectAsync("store", "init", Units[1]);
        var done = 0;
        for (var round = 1; done < kills; round++)
        {
            done += await RoundAsync(kills - done);
            if (round % checkEvery == 0) await CheckAsync();
        }
        await CheckAsync();
        // By the command too, as an administrator would.
        foreach (var unit in Units) await ExpectAsync("store", "verify", unit);
        var target = Path.Combine(_folder, "restored.raw");
        await ExpectAsync("store", "restore", Units[0], "latest", target);
        var latest = _made.Last(m => _seen[0].Contains(m.Id)).Disk;
        Assert.True(Same(latest, await File.ReadAllBytesAsync(target)), $"{this}: the latest image restores to other bytes");
    }

    public override string ToString() => $"seed {seed}, image {_made.Count}";

    private string[] Units => [Path.Combine(_folder, "first"), Path.Combine(_folder, "second")];

    private string Key => Path.Combine(_folder, "key");

    private string Disk => Path.Combine(_folder, "disk.raw");

    /// <summary>Returns how many it killed.</summary>
    private async Task<int> RoundAsync(int most)
    {
        Disks.Fill(_disk.AsSpan(_random.Next(7) << 20, 1 << 20), _random);
        await File.WriteAllBytesAsync(Disk, _disk);
        string[][] commands =
        [
            ["backup", Units[0], Disk, "--vm", "web"], ["duplicate", Units[0], Units[1], "--all"], ["prune", Any(), "--keep-last", $"{Kept}"],
            ["collect", Any(), "--patience", "3s"], ["verify", Any()],
        ];
        var running = commands.Select(c => Started.Run(command, Key, ["store", .. c])).ToArray();
        var victims = Enumerable.Range(0, running.Length).OrderBy(_ => _random.Next()).Take(Math.Min(most, _random.Next(1, 4)))
            .Select(v => (Victim: v, At: _random.Next(30, 1100))).OrderBy(v => v.At).ToList();
        var killed = new HashSet<int>();
        var waited = 0;
        foreach (var (victim, at) in victims)
        {
            await Task.WhenAny(running[victim].Process.WaitForExitAsync(), Task.Delay(at - waited));
            waited = at;
            if (running[victim].Process.HasExited) continue;
            running[victim].Process.Kill();
            killed.Add(victim);
            Kills[commands[victim][0]] = Kills.GetValueOrDefault(commands[victim][0]) + 1;
        }
        for (var i = 0; i < running.Length; i++)
        {
            var (code, error) = await running[i].EndAsync();
            if (killed.Contains(i) || code == 0) continue;
            // A backup or a copy whose session was taken for dead, or whose image was given up under it, says so and is run again.
            Assert.True(commands[i][0] is "backup" or "duplicate" && error.Contains("again", StringComparison.Ordinal), $"{this}: {commands[i][0]}: {error}");
            Refused++;
        }
        await LookAsync(committed: !killed.Contains(Backup) && running[Backup].Process.ExitCode == 0);
        foreach (var process in running) process.Dispose();
        return killed.Count;
    }

    private static bool Same(byte[] a, byte[] b) => a.AsSpan().SequenceEqual(b);

    private string Any() => Units[_random.Next(2)];

    /// <summary>Takes up what is new, and sees that what is gone was given up.</summary>
    private async Task LookAsync(bool committed)
    {
        for (var u = 0; u < 2; u++)
        {
            await using var unit = await OpenUnit.OpenAsync(Units[u], Key);
            var there = (await unit.ImagesAsync()).Select(i => i.Header.Id).ToHashSet();
            var fresh = there.Except(_made.Select(m => m.Id)).ToList();
            if (u == 0)
            {
                Assert.True(fresh.Count == 1 || (fresh.Count == 0 && !committed), $"{this}: {fresh.Count} new images, committed: {committed}");
                foreach (var id in fresh) _made.Add((id, (byte[])_disk.Clone()));
            }
            else
            {
                Assert.True(fresh.Count == 0, $"{this}: the second unit has images that the first never had");
            }
            _seen[u].UnionWith(there);
            var gone = _seen[u].Except(there).ToHashSet();
            Assert.True(gone.IsSubsetOf(await unit.GivenUpAsync()), $"{this}: images of {Units[u]} are gone and were not given up");
            var newest = _made.Select(m => m.Id).Where(_seen[u].Contains).TakeLast(Kept);
            Assert.True(!newest.Any(gone.Contains), $"{this}: one of the newest {Kept} images of {Units[u]} is gone");
        }
    }

    /// <summary>All images of both units restore to what was backed up; a collect clears what the dead left.</summary>
    private async Task CheckAsync()
    {
        for (var u = 0; u < 2; u++)
        {
            await ExpectAsync("store", "collect", Units[u], "--patience", "1s");
            await using var unit = await OpenUnit.OpenAsync(Units[u], Key);
            foreach (var image in await unit.ImagesAsync())
            {
                var made = _made.Single(m => m.Id == image.Header.Id);
                Assert.True(Same(made.Disk, await unit.RestoreAsync(image)), $"{this}: image {made.Id} of {Units[u]} restores to other bytes");
                Restored++;
            }
            var left = Directory.EnumerateFiles(Units[u], "*", SearchOption.AllDirectories).Where(IsLeftover).ToList();
            Assert.True(left.Count == 0, $"{this}: a collect left {string.Join(", ", left)}");
        }
    }

    /// <summary>Of the files that a dead process leaves; an empty one may be of a process that has not locked it yet, and stays.</summary>
    private static bool IsLeftover(string file) => new FileInfo(file).Length > 0
        && (new[] { "parts", "sessions", "leases", "condemned" }.Contains(Path.GetFileName(Path.GetDirectoryName(file)))
            || file.EndsWith(".new", StringComparison.Ordinal));

    private async Task ExpectAsync(params string[] arguments)
    {
        using var process = Started.Run(command, Key, arguments);
        var (code, error) = await process.EndAsync();
        Assert.True(code == 0, $"{this}: {string.Join(' ', arguments)}: {error}");
    }

    /// <summary>A process whose output is read as it comes.</summary>
    private sealed record Started(Process Process, Task<string> Error, Task Output) : IDisposable
    {
        public static Started Run(string command, string key, string[] arguments)
        {
            var process = CommandLine.Start(command, key, null, arguments);
            return new Started(process, process.StandardError.ReadToEndAsync(), process.StandardOutput.ReadToEndAsync());
        }

        public async Task<(int Code, string Error)> EndAsync()
        {
            await Process.WaitForExitAsync();
            await Output;
            return (Process.ExitCode, await Error);
        }

        public void Dispose() => Process.Dispose();
    }
}
