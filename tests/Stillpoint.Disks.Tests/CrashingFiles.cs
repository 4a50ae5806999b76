using Stillpoint.VirtualDisks;

namespace Stillpoint.Disks.Tests;

/// <summary>The machine stopped.</summary>
public sealed class SimulatedCrashException() : Exception("the machine stopped");

/// <summary>
/// Real files on a machine that stops at a chosen byte of all that is written. What was written since a file's last sync is then there or
/// not, write by write and sector by sector, as the seed decides: the disk may have put it down in any order.
/// </summary>
internal sealed class CrashingFiles(Random random) : IDiskFiles
{
    private readonly List<CrashingFile> _open = [];
    private readonly Dictionary<string, Unsynced> _unsynced = [];
    private const int Torn = 512;
    private long _bytesLeft = long.MaxValue;

    /// <summary>Bytes that were written since the start.</summary>
    internal long Written { get; private set; }

    internal void StopAfter(long bytes) => _bytesLeft = bytes;

    public IDiskFile Open(string path, bool writable)
    {
        var file = HostFile.Open(path, writable);
        if (!_unsynced.ContainsKey(path)) _unsynced[path] = new Unsynced { SyncedLength = file.Length };
        return Track(new CrashingFile(this, file, _unsynced[path]));
    }

    public IDiskFile Create(string path) => Track(new CrashingFile(this, HostFile.Create(path), _unsynced[path] = new Unsynced()));

    /// <summary>Leaves the files as the crash left them, closes all and starts the machine again.</summary>
    internal void Restart()
    {
        foreach (var file in _open) file.Dispose();
        foreach (var (path, unsynced) in _unsynced) LoseSome(path, unsynced);
        _open.Clear();
        _unsynced.Clear();
        _bytesLeft = long.MaxValue;
    }

    private CrashingFile Track(CrashingFile file)
    {
        _open.Add(file);
        return file;
    }

    private void LoseSome(string path, Unsynced unsynced)
    {
        if (!File.Exists(path) || (unsynced.Writes.Count == 0 && unsynced.SyncedLength == new FileInfo(path).Length)) return;
        using var again = HostFile.Open(path, writable: true);
        foreach (var (offset, old, _) in Enumerable.Reverse(unsynced.Writes)) again.Write(offset, old);
        var inOrder = random.Next(3) == 0; // every third crash is a plain one: all that was written is there
        var lengthKept = inOrder || random.Next(2) == 0;
        foreach (var (offset, _, bytes) in unsynced.Writes)
        {
            for (var at = 0; at < bytes.Length; at += Torn)
            {
                if (inOrder || random.Next(2) == 0) again.Write(offset + at, bytes.AsSpan(at, Math.Min(Torn, bytes.Length - at)));
            }
        }
        if (!lengthKept) again.SetLength(unsynced.SyncedLength);
    }

    /// <summary>What a file's path holds that no sync has promised; it outlives the handle.</summary>
    private sealed class Unsynced
    {
        internal List<(long Offset, byte[] Old, byte[] New)> Writes { get; } = [];

        internal long SyncedLength { get; set; }
    }

    private sealed class CrashingFile(CrashingFiles machine, HostFile file, Unsynced unsynced) : IDiskFile
    {
        private bool _closed;

        public string Path => file.Path;

        public long Length => file.Length;

        public void Read(long offset, Span<byte> buffer) => file.Read(offset, buffer);

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            Alive();
            var n = (int)Math.Min(bytes.Length, machine._bytesLeft);
            machine._bytesLeft -= n;
            machine.Written += n;
            var old = new byte[n];
            var there = (int)Math.Clamp(file.Length - offset, 0, n);
            if (there > 0) file.Read(offset, old.AsSpan(0, there));
            unsynced.Writes.Add((offset, old, bytes[..n].ToArray()));
            file.Write(offset, bytes[..n]);
            if (n < bytes.Length) throw new SimulatedCrashException();
        }

        public void SetLength(long length)
        {
            Alive();
            // Cutting is only done when nothing that is cut off was promised, so that it may count as done at once.
            if (length < file.Length) unsynced.SyncedLength = Math.Min(unsynced.SyncedLength, length);
            file.SetLength(length);
        }

        public void Sync()
        {
            Alive();
            // What a sync promises is kept here: one of the host itself would only take time.
            unsynced.Writes.Clear();
            unsynced.SyncedLength = file.Length;
        }

        public long NextData(long offset, long end) => file.NextData(offset, end);

        public long NextHole(long offset, long end) => file.NextHole(offset, end);

        public void Dispose()
        {
            if (_closed) return;
            _closed = true;
            file.Dispose();
        }

        private void Alive()
        {
            if (machine._bytesLeft <= 0) throw new SimulatedCrashException();
        }
    }
}
