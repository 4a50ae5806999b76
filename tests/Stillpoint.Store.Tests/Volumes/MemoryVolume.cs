using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>A volume in memory: the twin that the contract suite holds against the real one.</summary>
internal sealed class MemoryVolume : IVolume
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, byte[]> _objects = [];

    public string Name => "memory";

    public ValueTask<IReadOnlyList<VolumeEntry>> ListAsync(string prefix, CancellationToken cancel)
    {
        lock (_gate)
            return new([.. _objects.Where(o => o.Key.StartsWith(prefix, StringComparison.Ordinal)).Select(o => new VolumeEntry(o.Key, o.Value.Length))]);
    }

    public ValueTask<int> ReadAsync(string name, long offset, Memory<byte> buffer, CancellationToken cancel)
    {
        lock (_gate)
        {
            if (!_objects.TryGetValue(name, out var bytes)) throw new FileNotFoundException($"no {name}");
            var count = (int)Math.Clamp(bytes.Length - offset, 0, buffer.Length);
            if (count > 0) bytes.AsMemory((int)offset, count).CopyTo(buffer);
            return new(count);
        }
    }

    public ValueTask<bool> PutIfAbsentAsync(string name, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        lock (_gate) return new(_objects.TryAdd(name, bytes.ToArray()));
    }

    public ValueTask PutAsync(string name, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        lock (_gate) _objects[name] = bytes.ToArray();
        return default;
    }

    public ValueTask<IVolumeWriter> CreateAsync(string name, CancellationToken cancel) => new(new Writer(this, name));

    public ValueTask DeleteAsync(string name, CancellationToken cancel)
    {
        lock (_gate) _objects.Remove(name);
        return default;
    }

    public ValueTask SyncNamesAsync(string prefix, CancellationToken cancel) => default;

    public ValueTask DisposeAsync() => default;

    private sealed class Writer(MemoryVolume volume, string name) : IVolumeWriter
    {
        private readonly MemoryStream _bytes = new();

        public ValueTask AppendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel) => _bytes.WriteAsync(bytes, cancel);

        public ValueTask CompleteAsync(CancellationToken cancel)
        {
            lock (volume._gate)
                if (!volume._objects.TryAdd(name, _bytes.ToArray())) throw new IOException($"{name} exists");
            return default;
        }

        public ValueTask DisposeAsync() => default;
    }
}
