using Stillpoint.Durable;

namespace Stillpoint.Storage;

/// <summary>The packs that were read last, kept open: they never change, so a handle stays true. At most 128 are kept.</summary>
internal sealed class OpenFiles(IFileCalls files) : IDisposable
{
    private const int Kept = 128;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Entry> _open = [];
    private long _clock;

    /// <summary>The file, open until the lease is disposed and, when it is to be kept, perhaps longer.</summary>
    public Lease Open(string path, bool keep)
    {
        if (!keep) return new Lease(this, new Entry(files.OpenRead(path)) { Kept = false, Users = 1 });
        lock (_gate)
        {
            if (!_open.TryGetValue(path, out var entry))
            {
                if (_open.Count >= Kept) Evict();
                entry = new Entry(files.OpenRead(path));
                _open.Add(path, entry);
            }
            entry.Users++;
            entry.Used = ++_clock;
            return new Lease(this, entry);
        }
    }

    /// <summary>Closes the file when it is kept.</summary>
    public void Forget(string path)
    {
        lock (_gate)
        {
            if (_open.Remove(path, out var entry)) Drop(entry);
        }
    }

    public void Dispose() => Close();

    /// <summary>Closes all that are kept; what is read later is opened anew.</summary>
    public void Close()
    {
        lock (_gate)
        {
            foreach (var entry in _open.Values) Drop(entry);
            _open.Clear();
        }
    }

    private void Evict()
    {
        var (path, entry) = _open.MinBy(pair => pair.Value.Used);
        _open.Remove(path);
        Drop(entry);
    }

    private static void Drop(Entry entry)
    {
        entry.Kept = false;
        if (entry.Users == 0) entry.File.Dispose();
    }

    private void Return(Entry entry)
    {
        lock (_gate)
        {
            entry.Users--;
            if (!entry.Kept && entry.Users == 0) entry.File.Dispose();
        }
    }

    internal sealed class Entry(IOpenFile file)
    {
        public IOpenFile File { get; } = file;

        public int Users { get; set; }

        public long Used { get; set; }

        public bool Kept { get; set; } = true;
    }

    internal readonly struct Lease(OpenFiles owner, Entry entry) : IDisposable
    {
        public IOpenFile File => entry.File;

        public void Dispose() => owner.Return(entry);
    }
}
