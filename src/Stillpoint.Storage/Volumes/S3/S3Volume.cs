using System.Collections.Concurrent;
using System.Globalization;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>
/// A volume that is a bucket, or all keys of one that begin with a prefix. The store must show a put to every later list and read, as
/// Amazon's and Ceph's do. Where the bucket keeps versions an object's <b>oldest</b> version is the object: whoever puts the key again, or
/// a delete marker on it, hides nothing, and of several that put a name at once the oldest tells everybody who was first (RGW 16 lets all
/// conditional puts to a versioned bucket succeed). Names that <see cref="PutAsync"/> replaces are an exception: there the newest counts.
/// </summary>
internal sealed class S3Volume : IVolume
{
    private const int ReadAttempts = 5, KeptVersions = 8;
    private static readonly TimeSpan s_stale = TimeSpan.FromDays(7);

    private readonly S3Bucket _bucket;
    private readonly UnitEnvironment _environment;
    private readonly ConcurrentDictionary<string, string> _versions = new();
    private readonly ConcurrentDictionary<string, string> _pinned = new();
    private readonly ConcurrentDictionary<string, ConcurrentQueue<string>> _replaced = new();
    private readonly PartBuffers _buffers = new();

    public S3Volume(S3Address address, Amazon.S3.AmazonS3Client client, UnitEnvironment environment)
    {
        _bucket = new S3Bucket(address, client, environment.Time);
        _environment = environment;
        Name = environment.Name is { } name ? $"{name} ({address})" : address.ToString();
    }

    public string Name { get; }

    public int Connections => 16;

    public bool IsRemote => true;

    internal S3Bucket Bucket => _bucket;

    /// <summary>The time that is left to who gives something up.</summary>
    internal CancellationTokenSource NewParting() => _environment.NewParting();

    public async ValueTask<IReadOnlyList<VolumeEntry>> ListAsync(string prefix, CancellationToken cancel)
    {
        ObjectName.Check(prefix.TrimEnd('/'));
        var entries = new List<VolumeEntry>();
        if (!await _bucket.IsVersionedAsync(cancel))
        {
            await _bucket.ListAsync(prefix, entries.Add, cancel);
            return entries;
        }
        var oldest = new Dictionary<string, VolumeEntry>(StringComparer.Ordinal);
        var newest = new HashSet<string>(StringComparer.Ordinal);
        await _bucket.ListVersionsAsync(prefix, seen =>
        {
            if (UnitNames.IsReplaced(seen.Name) && !newest.Add(seen.Name)) return;
            if (!seen.Deleted) oldest[seen.Name] = new VolumeEntry(seen.Name, seen.Length, seen.Version, seen.Stored);
        }, cancel);
        foreach (var (name, entry) in oldest)
            if (!UnitNames.IsReplaced(name)) _versions[name] = entry.Version!;
        return [.. oldest.Values];
    }

    public async ValueTask<int> ReadAsync(string name, long offset, Memory<byte> buffer, CancellationToken cancel)
    {
        ObjectName.Check(name);
        var done = 0;
        string? replacedBy = null;
        for (var attempt = 1; done < buffer.Length; attempt++)
        {
            var version = replacedBy ?? await VersionAsync(name, cancel);
            try
            {
                using var answer = await _bucket.OpenAsync(name, version, offset + done, buffer.Length - done, cancel);
                if (answer is null) return done;
                while (done < buffer.Length)
                {
                    var read = await answer.ResponseStream.ReadAsync(buffer[done..], cancel);
                    if (read == 0) return done;
                    done += read;
                }
            }
            catch (FileNotFoundException)
            {
                _versions.TryRemove(name, out _);
                // While versions of one key come and go at once, RGW 16 may answer for a moment that there is none: its list of versions tells.
                if (attempt == ReadAttempts || !UnitNames.IsReplaced(name) || !await _bucket.IsVersionedAsync(cancel)) throw;
                if ((replacedBy = await NewestAsync(name, cancel)) is null) throw;
                done = 0;
            }
            catch (Exception e) when (S3Trouble.Is(e, cancel))
            {
                // The client has tried its requests again by itself; what breaks off in the middle of the bytes it leaves to its caller.
                if (attempt == ReadAttempts || e is Amazon.Runtime.AmazonServiceException) throw S3Trouble.Of(_bucket.Address, $"read {name}", e);
                await Task.Delay(TimeSpan.FromMilliseconds(100 << attempt), _environment.Time, cancel);
            }
        }
        return done;
    }

    public async ValueTask<bool> PutIfAbsentAsync(string name, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        ObjectName.Check(name);
        var by = NewId();
        return await PutNewAsync(name, new S3Bucket.Buffered(bytes.ToArray(), bytes.Length), by, cancel) is not null;
    }

    public async ValueTask PutAsync(string name, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        ObjectName.Check(name);
        var version = await _bucket.PutAsync(name, new S3Bucket.Buffered(bytes.ToArray(), bytes.Length), NewId(), onlyNew: false, locked: false,
            cancel);
        if (string.IsNullOrEmpty(version)) return;
        // What was replaced would lie there for ever. The last few stay: somebody may be reading them, or have been put at the same time.
        var versions = _replaced.GetOrAdd(name, _ => new ConcurrentQueue<string>());
        versions.Enqueue(version);
        if (versions.Count > KeptVersions && versions.TryDequeue(out var old)) await TryDeleteAsync(name, old, cancel);
    }

    public ValueTask<IVolumeWriter> CreateAsync(string name, CancellationToken cancel)
    {
        ObjectName.Check(name);
        return new(new S3Writer(this, _buffers, name, NewId()));
    }

    public async ValueTask DeleteAsync(string name, CancellationToken cancel)
    {
        ObjectName.Check(name);
        if (!await _bucket.IsVersionedAsync(cancel))
        {
            await _bucket.DeleteAsync(name, null, cancel);
            return;
        }
        var versions = new List<string>();
        await _bucket.ListVersionsAsync(name, seen =>
        {
            if (seen.Name == name) versions.Add(seen.Version);
        }, cancel);
        // The object itself last: while it is locked the name stays taken.
        foreach (var version in versions) await _bucket.DeleteAsync(name, version, cancel);
        _versions.TryRemove(name, out _);
        _pinned.TryRemove(name, out _);
        _replaced.TryRemove(name, out _);
    }

    public ValueTask SyncNamesAsync(string prefix, CancellationToken cancel) => default;

    /// <summary>Gives up uploads that were begun a week ago and never completed: no session lasts so long.</summary>
    public async ValueTask<int> SweepAsync(CancellationToken cancel)
    {
        try
        {
            var stale = await _bucket.StaleUploadsAsync(_environment.Time.GetUtcNow() - s_stale, cancel);
            foreach (var (name, upload) in stale) await _bucket.AbortUploadAsync(name, upload, cancel);
            return stale.Count;
        }
        catch (VolumeException e) when (!e.Trouble.Retry)
        {
            // Keys that may not list uploads are good enough for a backup; the bucket's own rules can end what is left.
            return 0;
        }
    }

    public async ValueTask LockNewAsync(TimeSpan span, CancellationToken cancel)
    {
        if (!await _bucket.CanLockAsync(cancel))
            throw new VolumeException(new Trouble(null, $"bucket {_bucket.Address.Bucket}", "it was not made with Object Lock.",
                "make a bucket with Object Lock for this unit"));
        _bucket.LockFor = span;
    }

    public async ValueTask ExtendLockAsync(string name, CancellationToken cancel)
    {
        if (await VersionAsync(name, cancel) is { } version) await _bucket.LockAsync(name, version, cancel);
    }

    public async ValueTask<DateTimeOffset?> LockedUntilAsync(string name, CancellationToken cancel) =>
        await VersionAsync(name, cancel) is { } version ? await _bucket.LockedUntilAsync(name, version, cancel) : null;

    public async ValueTask<DateTimeOffset?> ServerTimeAsync(CancellationToken cancel) => await _bucket.ServerTimeAsync(cancel);

    public void Pin(string name, string version)
    {
        if (version.Length > 0) _pinned[name] = version;
    }

    public ValueTask DisposeAsync()
    {
        _bucket.Dispose();
        _buffers.Dispose();
        return default;
    }

    /// <summary>Puts a whole object unless the name is taken.</summary>
    /// <returns>Its version, empty where there are none; null when the name is another's.</returns>
    internal async Task<string?> PutNewAsync(string name, S3Bucket.Buffered bytes, string by, CancellationToken cancel)
    {
        var put = await _bucket.PutAsync(name, bytes, by, onlyNew: true, locked: UnitNames.IsLocked(name), cancel);
        if (put is "") return put;
        // The name is taken, perhaps by an attempt of this very call whose answer was lost; or there are versions, and the oldest one tells.
        var first = put is null && !await _bucket.IsVersionedAsync(cancel) ? null : await OldestAsync(name, cancel);
        if (put is not null && first == put) return Remember(name, put);
        return await _bucket.HeadAsync(name, first, cancel) is { } head && head.By == by ? Remember(name, first ?? "") : null;
    }

    /// <summary>The version that an upload became; its parts are an object already.</summary>
    internal async Task<string> UploadedAsync(string name, string by, long length, CancellationToken cancel)
    {
        var first = await _bucket.IsVersionedAsync(cancel) ? await OldestAsync(name, cancel) : null;
        var head = await _bucket.HeadAsync(name, first, cancel);
        if (head is null) throw new IOException($"{name} of {Name} is not there after its upload");
        if (head.Value.By != by) throw new IOException($"{name} of {Name} exists already");
        if (head.Value.Length != length) throw new IOException($"{name} of {Name} has {head.Value.Length} bytes after its upload, not {length}");
        if (string.IsNullOrEmpty(head.Value.Version)) return "";
        // RGW 16 overlooks the lock that the upload was begun with.
        if (UnitNames.IsLocked(name)) await _bucket.LockAsync(name, head.Value.Version, cancel);
        return Remember(name, head.Value.Version);
    }

    private string Remember(string name, string version)
    {
        if (version.Length > 0) _versions[name] = version;
        return version;
    }

    /// <summary>The version to read; null for whichever is there.</summary>
    private async ValueTask<string?> VersionAsync(string name, CancellationToken cancel)
    {
        if (UnitNames.IsReplaced(name) || !await _bucket.IsVersionedAsync(cancel)) return null;
        if (_pinned.TryGetValue(name, out var known) || _versions.TryGetValue(name, out known)) return known;
        var first = await OldestAsync(name, cancel) ?? throw new FileNotFoundException($"{Name} holds no {name}", name);
        return Remember(name, first);
    }

    private async Task<string?> OldestAsync(string name, CancellationToken cancel)
    {
        string? oldest = null;
        await _bucket.ListVersionsAsync(name, seen =>
        {
            if (seen.Name == name && !seen.Deleted) oldest = seen.Version;
        }, cancel);
        return oldest;
    }

    /// <summary>The version of a replaced name that counts; null when there is none, or it was marked deleted.</summary>
    private async Task<string?> NewestAsync(string name, CancellationToken cancel)
    {
        S3Bucket.VersionSeen? newest = null;
        await _bucket.ListVersionsAsync(name, seen =>
        {
            if (seen.Name == name) newest ??= seen;
        }, cancel);
        return newest is { Deleted: false } ? newest.Value.Version : null;
    }

    private async Task TryDeleteAsync(string name, string version, CancellationToken cancel)
    {
        try
        {
            await _bucket.DeleteAsync(name, version, cancel);
        }
        catch (VolumeException)
        {
            // It may be locked by a rule of the bucket. It hides nothing, since of replaced names the newest counts.
        }
    }

    private string NewId() => _environment.NewId().ToString("N", CultureInfo.InvariantCulture);
}
