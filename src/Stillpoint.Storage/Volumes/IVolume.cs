using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>
/// Where a storage unit's objects lie: a directory, a bucket. Names are ASCII, parts divided by <c>/</c>. Objects are whole or absent.
/// But for those that <see cref="PutAsync"/> makes they never change: what a name shows once it shows until it is deleted. Safe for use
/// from several threads and processes.
/// </summary>
public interface IVolume : IAsyncDisposable
{
    /// <summary>How messages call it: a path or an address.</summary>
    string Name { get; }

    /// <summary>How many calls at once serve it best.</summary>
    int Connections => 2;

    /// <summary>Bytes that can still be written; null where the volume has no such bound.</summary>
    long? FreeBytes => null;

    /// <summary>True when a call costs a round trip over a network, so that what was read is worth keeping near.</summary>
    bool IsRemote => false;

    /// <summary>Names and sizes of all whole objects whose names begin with <paramref name="prefix"/>, which ends with <c>/</c>, in no
    /// order. A name shown here may still be lost in a power cut until <see cref="SyncNamesAsync"/>.</summary>
    ValueTask<IReadOnlyList<VolumeEntry>> ListAsync(string prefix, CancellationToken cancel);

    /// <summary>As <see cref="ListAsync"/>, where lengths may be <see cref="VolumeEntry.NotAsked"/>: for many small objects, of which a directory gives
    /// the names together and each length by a call of its own.</summary>
    ValueTask<IReadOnlyList<VolumeEntry>> ListNamesAsync(string prefix, CancellationToken cancel) => ListAsync(prefix, cancel);

    /// <summary>Fills <paramref name="buffer"/> from <paramref name="offset"/> and returns how many bytes there were: fewer only at the
    /// object's end.</summary>
    /// <exception cref="FileNotFoundException">There is no such object.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    ValueTask<int> ReadAsync(string name, long offset, Memory<byte> buffer, CancellationToken cancel);

    /// <summary>Makes a small object unless the name is taken; of several at once exactly one gets true. When it returns, whichever
    /// object bears the name survives a power cut.</summary>
    /// <exception cref="IOException">It could not be written; the name may or may not be taken.</exception>
    ValueTask<bool> PutIfAbsentAsync(string name, ReadOnlyMemory<byte> bytes, CancellationToken cancel);

    /// <summary>Makes a small object or replaces it whole; readers see the old bytes or the new ones, and of several at once some one's.
    /// Nothing is promised about a power cut: the object may be old, new, absent, empty or damaged after it.</summary>
    /// <exception cref="IOException">It could not be written; the old object or the new one is there.</exception>
    ValueTask PutAsync(string name, ReadOnlyMemory<byte> bytes, CancellationToken cancel);

    /// <summary>Starts a large object. It has no name that a list shows until <see cref="IVolumeWriter.CompleteAsync"/>.</summary>
    /// <exception cref="IOException">It could not be started.</exception>
    ValueTask<IVolumeWriter> CreateAsync(string name, CancellationToken cancel);

    /// <summary>Deletes an object; nothing happens when it is absent.</summary>
    /// <exception cref="ObjectLockedException">It is locked until a date.</exception>
    ValueTask DeleteAsync(string name, CancellationToken cancel);

    /// <summary>Returns when every name that a list of <paramref name="prefix"/> has shown before survives a power cut.</summary>
    ValueTask SyncNamesAsync(string prefix, CancellationToken cancel);

    /// <summary>Deletes what writers left that died before their object was whole.</summary>
    /// <returns>How many such leftovers there were.</returns>
    ValueTask<int> SweepAsync(CancellationToken cancel) => new(0);

    /// <summary>Deletes what they left of small objects. Looks through all names but those of large objects, so it is for a collect.</summary>
    /// <returns>How many such leftovers there were.</returns>
    ValueTask<int> SweepSmallAsync(CancellationToken cancel) => new(0);

    /// <summary>From now on each object that is written, but those that only organize the unit's work, is locked for that long: nobody
    /// deletes or overwrites it before, whatever key they hold.</summary>
    /// <exception cref="IOException">The volume cannot lock.</exception>
    ValueTask LockNewAsync(TimeSpan span, CancellationToken cancel) =>
        throw new VolumeException(new Trouble(null, Name, "it cannot lock objects.", "use a bucket that was made with Object Lock"));

    /// <summary>Locks an object for as long as a new one would be.</summary>
    ValueTask ExtendLockAsync(string name, CancellationToken cancel) => default;

    /// <summary>Until when an object is locked; null when it is not.</summary>
    ValueTask<DateTimeOffset?> LockedUntilAsync(string name, CancellationToken cancel) => new((DateTimeOffset?)null);

    /// <summary>The time by the clock of the server that holds the volume; null where no other machine's clock can be asked.</summary>
    ValueTask<DateTimeOffset?> ServerTimeAsync(CancellationToken cancel) => new((DateTimeOffset?)null);

    /// <summary>That version of the object is the one to read.</summary>
    void Pin(string name, string version)
    {
    }

    /// <summary>Drops what it remembers of objects: handles that would go on answering for a directory that is gone.</summary>
    void Forget()
    {
    }
}

/// <summary>A large object on its way. Disposed without <see cref="CompleteAsync"/> it leaves nothing that a list shows.</summary>
public interface IVolumeWriter : IAsyncDisposable
{
    /// <summary>Appends bytes; they may be reused when it returns.</summary>
    /// <exception cref="IOException">They could not be written; the object must be given up.</exception>
    ValueTask AppendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel);

    /// <summary>Makes bytes and name durable; only then lists show the object.</summary>
    /// <exception cref="IOException">The object is not there, or not durable; it must not be relied on.</exception>
    ValueTask CompleteAsync(CancellationToken cancel);

    /// <summary>The version of the object once it is complete; empty where the volume has none.</summary>
    string Version => "";
}

/// <summary>An object of a volume.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Length">Its bytes.</param>
/// <param name="Version">Which version of it; null where the volume has none.</param>
/// <param name="Stored">When, by the clock of the server that holds the volume; null where no other machine's clock says.</param>
public readonly record struct VolumeEntry(string Name, long Length, string? Version = null, DateTimeOffset? Stored = null)
{
    /// <summary>The length of an entry of <see cref="IVolume.ListNamesAsync"/> that nobody looked up.</summary>
    public const long NotAsked = -1;
}

/// <summary>The object is locked and was not deleted.</summary>
public sealed class ObjectLockedException(string message, Exception? inner = null) : IOException(message, inner);
