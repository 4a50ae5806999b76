using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>What every volume keeps to.</summary>
public abstract class VolumeContract : IAsyncLifetime
{
    private IVolume _volume = null!;

    internal abstract Task<IVolume> MakeAsync();

    public async ValueTask InitializeAsync() => _volume = await MakeAsync();

    public virtual async ValueTask DisposeAsync()
    {
        if (_volume is not null) await _volume.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task A_put_object_is_whole_and_the_first_one_stays()
    {
        Assert.True(await _volume.PutIfAbsentAsync("ends/a", "one"u8.ToArray(), default));
        Assert.False(await _volume.PutIfAbsentAsync("ends/a", "other"u8.ToArray(), default));
        Assert.Equal("one"u8.ToArray(), await ReadAllAsync("ends/a"));
    }

    [Fact]
    public async Task A_replaced_object_shows_its_new_bytes_whole()
    {
        foreach (var text in new[] { "first, and longer than the next", "second", "" })
        {
            var bytes = System.Text.Encoding.ASCII.GetBytes(text);
            await _volume.PutAsync("leases/a", bytes, default);
            Assert.Equal(bytes, await ReadAllAsync("leases/a"));
            Assert.Equal([new VolumeEntry("leases/a", bytes.Length)], await ListAsync("leases/"));
        }
    }

    [Fact]
    public async Task Of_many_that_replace_at_once_readers_see_one_whole()
    {
        await _volume.PutAsync("leases/race", Bytes(0), default);
        var writers = Enumerable.Range(1, 8).Select(i => Task.Run(async () => await _volume.PutAsync("leases/race", Bytes(i), default))).ToArray();
        while (!writers.All(w => w.IsCompleted)) Whole(await ReadAllAsync("leases/race"));
        await Task.WhenAll(writers);
        Whole(await ReadAllAsync("leases/race"));

        static byte[] Bytes(int i) => [.. Enumerable.Repeat((byte)i, 40)];
        static void Whole(byte[] bytes) => Assert.Equal(Bytes(bytes[0]), bytes);
    }

    [Fact]
    public async Task Of_many_that_put_at_once_one_wins()
    {
        var tries = Enumerable.Range(0, 20).Select(i => Task.Run(async () => (i, await _volume.PutIfAbsentAsync("ends/race", new[] { (byte)i },
            default))));
        var winner = Assert.Single(await Task.WhenAll(tries), t => t.Item2);
        Assert.Equal([(byte)winner.i], await ReadAllAsync("ends/race"));
    }

    [Fact]
    public async Task A_created_object_shows_only_when_complete()
    {
        await using (var writer = await _volume.CreateAsync("packs/d/a.data", default))
        {
            await writer.AppendAsync("ab"u8.ToArray(), default);
            Assert.Empty(await _volume.ListAsync("packs/", default));
            await writer.AppendAsync("cd"u8.ToArray(), default);
            await writer.CompleteAsync(default);
        }
        await using (var given = await _volume.CreateAsync("packs/d/b.data", default)) await given.AppendAsync("x"u8.ToArray(), default);
        Assert.Equal([new VolumeEntry("packs/d/a.data", 4)], await ListAsync("packs/"));
        Assert.Equal("abcd"u8.ToArray(), await ReadAllAsync("packs/d/a.data"));
    }

    [Fact]
    public async Task A_large_object_comes_back_byte_for_byte_from_any_place()
    {
        var bytes = new byte[(21 << 20) + 17];
        new Random(3).NextBytes(bytes);
        await using (var writer = await _volume.CreateAsync("packs/d/large.data", default))
        {
            var random = new Random(4);
            for (var at = 0; at < bytes.Length;)
            {
                var count = Math.Min(random.Next(1, 3 << 20), bytes.Length - at);
                var given = bytes.AsSpan(at, count).ToArray();
                await writer.AppendAsync(given, default);
                // The buffer is the caller's again.
                Array.Clear(given);
                at += count;
            }
            await writer.CompleteAsync(default);
        }
        Assert.Equal(bytes.Length, Assert.Single(await _volume.ListAsync("packs/d/", default)).Length);
        var buffer = new byte[bytes.Length];
        Assert.Equal(bytes.Length, await _volume.ReadAsync("packs/d/large.data", 0, buffer, default));
        Assert.True(bytes.AsSpan().SequenceEqual(buffer));
        Assert.Equal(1 << 20, await _volume.ReadAsync("packs/d/large.data", 8_000_001, buffer.AsMemory(0, 1 << 20), default));
        Assert.True(bytes.AsSpan(8_000_001, 1 << 20).SequenceEqual(buffer.AsSpan(0, 1 << 20)));
    }

    [Fact]
    public async Task A_name_that_is_taken_is_not_made_again()
    {
        await using (var first = await _volume.CreateAsync("packs/d/a.data", default))
        {
            await first.AppendAsync("first"u8.ToArray(), default);
            await first.CompleteAsync(default);
        }
        await using (var second = await _volume.CreateAsync("packs/d/a.data", default))
        {
            await second.AppendAsync("second"u8.ToArray(), default);
            await Assert.ThrowsAnyAsync<IOException>(async () => await second.CompleteAsync(default));
        }
        Assert.Equal("first"u8.ToArray(), await ReadAllAsync("packs/d/a.data"));
    }

    [Fact]
    public async Task A_deleted_name_is_free_again()
    {
        Assert.True(await _volume.PutIfAbsentAsync("notes/a", "one"u8.ToArray(), default));
        await _volume.DeleteAsync("notes/a", default);
        await Assert.ThrowsAnyAsync<IOException>(async () => await _volume.ReadAsync("notes/a", 0, new byte[1], default));
        Assert.True(await _volume.PutIfAbsentAsync("notes/a", "two"u8.ToArray(), default));
        Assert.Equal("two"u8.ToArray(), await ReadAllAsync("notes/a"));
    }

    [Fact]
    public async Task Reads_give_what_there_is()
    {
        await _volume.PutIfAbsentAsync("notes/a", "0123456789"u8.ToArray(), default);
        var buffer = new byte[4];
        Assert.Equal(4, await _volume.ReadAsync("notes/a", 3, buffer, default));
        Assert.Equal("3456"u8.ToArray(), buffer);
        Assert.Equal(2, await _volume.ReadAsync("notes/a", 8, buffer, default));
        Assert.Equal(0, await _volume.ReadAsync("notes/a", 10, buffer, default));
        Assert.Equal(0, await _volume.ReadAsync("notes/a", 99, buffer, default));
    }

    [Fact]
    public async Task What_is_absent_is_said_so()
    {
        await Assert.ThrowsAnyAsync<IOException>(async () => await _volume.ReadAsync("notes/none", 0, new byte[1], default));
        Assert.Empty(await _volume.ListAsync("notes/", default));
        await _volume.DeleteAsync("notes/none", default);
        await _volume.SyncNamesAsync("notes/", default);
    }

    [Fact]
    public async Task Lists_are_by_prefix_and_deleted_objects_are_gone()
    {
        foreach (var name in new[] { "images/a.1", "images/b.1", "notes/a" }) await _volume.PutIfAbsentAsync(name, new byte[1], default);
        await _volume.DeleteAsync("images/b.1", default);
        Assert.Equal(["images/a.1"], (await _volume.ListAsync("images/", default)).Select(e => e.Name));
    }

    /// <summary>A list without versions, which some volumes have.</summary>
    private async Task<IEnumerable<VolumeEntry>> ListAsync(string prefix) =>
        (await _volume.ListAsync(prefix, default)).Select(e => e with { Version = null, Stored = null });

    private async Task<byte[]> ReadAllAsync(string name)
    {
        var buffer = new byte[64];
        return buffer[..await _volume.ReadAsync(name, 0, buffer, default)];
    }
}

/// <summary>The twin in memory.</summary>
public sealed class MemoryVolumeContract : VolumeContract
{
    internal override Task<IVolume> MakeAsync() => Task.FromResult<IVolume>(new MemoryVolume());
}

/// <summary>The faulty wrapper without a fault.</summary>
public sealed class FaultyVolumeContract : VolumeContract
{
    internal override Task<IVolume> MakeAsync() => Task.FromResult<IVolume>(new FaultyVolume(new MemoryVolume()));
}

/// <summary>A directory.</summary>
public sealed class LocalVolumeContract : VolumeContract
{
    private readonly string _directory = Directory.CreateTempSubdirectory("stillpoint-volume-").FullName;
    private int _ids;

    /// <summary>Folders are made only beside a unit's configuration.</summary>
    public LocalVolumeContract() => File.WriteAllText(Path.Combine(_directory, "unit.json"), "{}");

    internal override Task<IVolume> MakeAsync() => Task.FromResult<IVolume>(Make());

    private LocalVolume Make() => new(_directory, NextId);

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
        GC.SuppressFinalize(this);
    }

    [Theory]
    [InlineData("../x")]
    [InlineData("a/../../x")]
    [InlineData("/etc/x")]
    [InlineData("a//b")]
    [InlineData("a\\b")]
    [InlineData("")]
    public async Task Names_stay_inside(string name)
    {
        await using var volume = Make();
        await Assert.ThrowsAsync<ArgumentException>(async () => await volume.PutIfAbsentAsync(name, new byte[1], default));
        await Assert.ThrowsAsync<ArgumentException>(async () => await volume.ReadAsync(name, 0, new byte[1], default));
    }

    [Fact]
    public async Task Parts_of_dead_writers_are_swept_and_those_of_living_ones_are_not()
    {
        await using var volume = new LocalVolume(_directory, NextId);
        await using var living = await volume.CreateAsync("packs/d/a.data", default);
        await living.AppendAsync("alive"u8.ToArray(), default);
        var dead = Path.Combine(_directory, "parts", "dead.part");
        await File.WriteAllTextAsync(dead, "left");
        Assert.Equal(1, await volume.SweepAsync(default));
        Assert.False(File.Exists(dead));
        await living.CompleteAsync(default);
        Assert.Single(await volume.ListAsync("packs/", default));
    }

    [Fact]
    public async Task Small_objects_that_dead_writers_left_half_made_are_swept_and_those_on_their_way_are_not()
    {
        await using var volume = new LocalVolume(_directory, NextId);
        Assert.True(await volume.PutIfAbsentAsync("ends/a", "a"u8.ToArray(), default));
        await volume.PutAsync("leases/a", "a"u8.ToArray(), default);
        string[] dead = [Path.Combine(_directory, "ends", "b.1.new"), Path.Combine(_directory, "leases", "b.2.new"), Path.Combine(_directory, "unit.json.4.new"),
            Path.Combine(_directory, "primary.key.5.new")];
        foreach (var file in dead) await File.WriteAllTextAsync(file, "left");
        var onItsWay = Path.Combine(_directory, "ends", "c.3.new");
        using (var living = Durable.SystemFiles.Instance.Create(onItsWay))
        {
            living.Write("alive"u8, 0);
            Assert.Equal(4, await volume.SweepSmallAsync(default));
        }
        Assert.Equal([onItsWay], Directory.EnumerateFiles(_directory, "*.new", SearchOption.AllDirectories));
        Assert.Equal(["ends/a", "leases/a"], (await volume.ListAsync("ends/", default)).Concat(await volume.ListAsync("leases/", default)).Select(e => e.Name));
    }

    [Fact]
    public async Task No_folder_is_made_where_the_unit_is_gone()
    {
        await using var volume = Make();
        File.Delete(Path.Combine(_directory, "unit.json"));
        await Assert.ThrowsAsync<DirectoryNotFoundException>(async () => await volume.PutIfAbsentAsync("ends/a", new byte[1], default));
        await Assert.ThrowsAsync<DirectoryNotFoundException>(async () => await volume.CreateAsync("packs/d/a.data", default));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_directory));
    }

    private Guid NextId() => new(Interlocked.Increment(ref _ids), 0, 0, new byte[8]);
}
