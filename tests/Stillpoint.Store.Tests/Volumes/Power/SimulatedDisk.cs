using Stillpoint.Durable;

namespace Stillpoint.Store.Tests;

/// <summary>
/// A disk in memory that keeps through a power cut only what was synced: bytes by the sync of their file, names by the sync of their folder,
/// each apart from the other. Of what was not synced any part may be there: writes are dropped, torn by sectors, or come without those
/// before them; a file may be as long as it was and hold zeros; names come and go one by one. Seeded.
/// </summary>
internal sealed class SimulatedDisk(Random random) : IFileCalls
{
    private const int Sector = 512;

    private readonly Lock _gate = new();
    private readonly Folder _root = new();
    private int _calls;
    private bool _off;

    /// <summary>Calls so far.</summary>
    public int Calls => Volatile.Read(ref _calls);

    public bool IsOff => Volatile.Read(ref _off);

    /// <summary>The power goes at this call, before it does anything.</summary>
    public int CutAt { get; set; } = int.MaxValue;

    /// <summary>This call fails by the given error; a sync that fails has dropped what it should have written.</summary>
    public int FailAt { get; set; } = int.MaxValue;

    public Func<IOException>? Failure { get; set; }

    /// <summary>A sync point that does nothing though it says that it did: a negative control.</summary>
    public string? Without { get; set; }

    /// <summary>Asked before each call, without any lock: here another process may do something.</summary>
    public Action<string>? Before { get; set; }

    /// <summary>The sync points that were passed.</summary>
    public HashSet<string> Points { get; } = [];

    /// <summary>Takes the power away now.</summary>
    public void Cut() => Volatile.Write(ref _off, true);

    /// <summary>The disk as it is when the power is back.</summary>
    public SimulatedDisk AfterCut()
    {
        lock (_gate)
        {
            var after = new SimulatedDisk(random);
            // A crash may come right after a quiet while or in the midst of writing everything back.
            var kept = random.Next(4) switch { 0 => 0.0, 1 => 1.0, _ => 0.5 };
            _root.Survive(after._root, random, kept);
            return after;
        }
    }

    /// <summary>Beyond what a sound disk does: a synced sector is lost, or what was meant for another place lies there.</summary>
    /// <returns>The file that was spoiled.</returns>
    public string Spoil()
    {
        lock (_gate)
        {
            var files = _root.All("").Where(f => f.File.Now.Length > 0).ToList();
            while (true)
            {
                var (path, file) = files[random.Next(files.Count)];
                var at = random.Next((file.Now.Length + Sector - 1) / Sector) * Sector;
                var target = file.Now.AsSpan(at, Math.Min(Sector, file.Now.Length - at));
                var before = target.ToArray();
                var other = files[random.Next(files.Count)].File.Now;
                if (random.Next(2) == 0) target.Clear();
                else other.AsSpan(random.Next(Math.Max(1, other.Length - target.Length)), Math.Min(target.Length, other.Length)).CopyTo(target);
                if (!target.SequenceEqual(before)) return path;
            }
        }
    }

    public bool FolderExists(string path) => Call("look", () => Find(path) is Folder);

    public bool FileExists(string path) => Call("look", () => Find(path) is Node);

    public void MakeFolder(string path) => Call("make", () =>
    {
        if (Find(path) is null) Parent(path).Set(Path.GetFileName(path), new Folder());
        return true;
    });

    public IEnumerable<(string Path, long Length)> Files(string folder) => Call("list", () =>
        At(folder).All(folder).Select(f => (f.Path, (long)f.File.Now.Length)).ToList());

    public IEnumerable<string> Folders(string folder) => Call("list", () => At(folder).Below(folder).ToList());

    public IOpenFile Create(string path, UnixFileMode? mode = null) => Call("create", () =>
    {
        if (Find(path) is not null) throw new IOException($"{path} exists");
        var node = new Node { Locked = true };
        Parent(path).Set(Path.GetFileName(path), node);
        return new Handle(this, node, owner: true);
    });

    public void Reserve(string path, long bytes) => Call("reserve", () =>
    {
        if (Find(path) is null) Parent(path).Set(Path.GetFileName(path), new Node());
        return true;
    });

    public IOpenFile OpenRead(string path) => Call("open", () => new Handle(this, File(path), owner: false));

    public bool IsAbandoned(string path) => Call("look", () => Find(path) is Node { Locked: false });

    public void Move(string from, string to, bool overwrite) => Call("move", () =>
    {
        var node = File(from);
        if (!overwrite && Find(to) is not null) throw new IOException($"{to} exists");
        Parent(to).Set(Path.GetFileName(to), node);
        Parent(from).Set(Path.GetFileName(from), null);
        return true;
    });

    public bool TryClaim(string from, string to) => Call("claim", () =>
    {
        if (Find(to) is not null) return false;
        Parent(to).Set(Path.GetFileName(to), File(from));
        return true;
    });

    public void Delete(string path) => Call("delete", () =>
    {
        if (Find(path) is Node) Parent(path).Set(Path.GetFileName(path), null);
        return true;
    });

    /// <summary>At once, so that a run can be repeated.</summary>
    public Task RunAsync(Action calls, CancellationToken cancel)
    {
        try
        {
            calls();
            return Task.CompletedTask;
        }
        catch (IOException e)
        {
            return Task.FromException(e);
        }
    }

    public void SyncFolder(string folder, string point = "") => Sync($"folder {point}", () => At(folder).Sync());

    private void Sync(string point, Action sync) => Call(point, () =>
    {
        Points.Add(point);
        if (point != Without) sync();
        return true;
    });

    private T Call<T>(string what, Func<T> call, Action? onFailure = null)
    {
        if (!IsOff) Before?.Invoke(what);
        lock (_gate)
        {
            if (++_calls >= CutAt) _off = true;
            if (_off) throw new IOException("the power is off");
            if (_calls != FailAt) return call();
            onFailure?.Invoke();
            throw Failure!();
        }
    }

    private object? Find(string path)
    {
        object? at = _root;
        foreach (var name in path.Split('/', StringSplitOptions.RemoveEmptyEntries)) at = (at as Folder)?.Now.GetValueOrDefault(name);
        return at;
    }

    private Folder At(string path) => Find(path) as Folder ?? throw new DirectoryNotFoundException($"no {path}");

    private Folder Parent(string path) => At(Path.GetDirectoryName(path)!);

    private Node File(string path) => Find(path) as Node ?? throw new FileNotFoundException($"no {path}");

    private sealed class Folder
    {
        private readonly List<(string Name, object? Target)> _pending = [];
        private readonly Dictionary<string, object> _synced = new(StringComparer.Ordinal);

        public Dictionary<string, object> Now { get; } = new(StringComparer.Ordinal);

        public void Set(string name, object? target)
        {
            Apply(Now, name, target);
            _pending.Add((name, target));
        }

        public void Sync()
        {
            foreach (var (name, target) in _pending) Apply(_synced, name, target);
            _pending.Clear();
        }

        public void Survive(Folder after, Random random, double kept)
        {
            var names = new Dictionary<string, object>(_synced, StringComparer.Ordinal);
            foreach (var (name, target) in _pending)
                if (random.NextDouble() < kept) Apply(names, name, target);
            foreach (var (name, target) in names.OrderBy(n => n.Key, StringComparer.Ordinal))
            {
                object survivor = target is Folder ? new Folder() : ((Node)target).Survive(random, kept);
                if (target is Folder folder) folder.Survive((Folder)survivor, random, kept);
                after.Set(name, survivor);
            }
            after.Sync();
        }

        public IEnumerable<(string Path, Node File)> All(string at) => Now.OrderBy(n => n.Key, StringComparer.Ordinal).SelectMany(
            n => n.Value is Folder f
            ? f.All($"{at}/{n.Key}")
            : [($"{at}/{n.Key}", (Node)n.Value)]);

        public IEnumerable<string> Below(string at) => Now.Where(n => n.Value is Folder)
            .SelectMany(n => ((Folder)n.Value).Below($"{at}/{n.Key}").Prepend($"{at}/{n.Key}"));

        private static void Apply(Dictionary<string, object> names, string name, object? target)
        {
            if (target is null) names.Remove(name);
            else names[name] = target;
        }
    }

    private sealed class Node
    {
        private readonly List<(int Offset, byte[] Bytes)> _pending = [];
        private byte[] _synced = [];

        public byte[] Now { get; private set; } = [];

        public bool Locked { get; set; }

        public void Write(int offset, ReadOnlySpan<byte> bytes)
        {
            Now = Apply(Now, offset, bytes);
            _pending.Add((offset, bytes.ToArray()));
        }

        public void Sync()
        {
            foreach (var (offset, bytes) in _pending) _synced = Apply(_synced, offset, bytes);
            _pending.Clear();
        }

        /// <summary>What a failed sync leaves: the system takes the bytes for written, and they are not.</summary>
        public void Drop() => _pending.Clear();

        public Node Survive(Random random, double kept)
        {
            var bytes = (byte[])_synced.Clone();
            foreach (var (offset, written) in _pending)
            {
                if (random.NextDouble() >= kept) continue;
                var torn = random.Next(3) == 0;
                for (var at = 0; at < written.Length; at += Sector)
                    if (!torn || random.Next(2) == 0) bytes = Apply(bytes, offset + at, written.AsSpan(at, Math.Min(Sector, written.Length - at)));
            }
            // The length came through and the bytes did not.
            if (bytes.Length < Now.Length && random.NextDouble() < kept / 2) Array.Resize(ref bytes, Now.Length);
            return new Node { Now = bytes, _synced = bytes };
        }

        private static byte[] Apply(byte[] to, int offset, ReadOnlySpan<byte> bytes)
        {
            var result = new byte[Math.Max(to.Length, offset + bytes.Length)];
            to.CopyTo(result, 0);
            bytes.CopyTo(result.AsSpan(offset));
            return result;
        }
    }

    private sealed class Handle(SimulatedDisk disk, Node node, bool owner) : IOpenFile
    {
        public int Read(Span<byte> buffer, long offset)
        {
            var bytes = disk.Call("read", () => node.Now);
            if (offset >= bytes.Length) return 0;
            var count = Math.Min(buffer.Length, bytes.Length - (int)offset);
            bytes.AsSpan((int)offset, count).CopyTo(buffer);
            return count;
        }

        public void Write(ReadOnlySpan<byte> bytes, long offset)
        {
            var copy = bytes.ToArray();
            disk.Call("write", () =>
            {
                node.Write((int)offset, copy);
                return true;
            }, onFailure: () => node.Write((int)offset, copy.AsSpan(0, copy.Length / 2)));
        }

        public void Sync(string point = "") => disk.Call($"file {point}", () =>
        {
            disk.Points.Add($"file {point}");
            if (disk.Without != $"file {point}") node.Sync();
            return true;
        }, onFailure: node.Drop);

        public void Dispose()
        {
            if (owner) node.Locked = false;
        }
    }
}
