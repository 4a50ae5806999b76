using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>Calls of a volume that a fault may hit.</summary>
internal enum VolumeCall
{
    List,
    Read,
    Put,
    Replace,
    Create,
    Append,
    Complete,
    Sync,
}

/// <summary>Passes calls on to another volume; at the planned one it fails instead. A test asks <see cref="Fired"/> at its end: a planned
/// fault that never fired proves nothing.</summary>
internal sealed class FaultyVolume(IVolume inner) : IVolume
{
    private readonly Lock _gate = new();
    private VolumeCall _call;
    private int _left = -1;
    private Func<Exception>? _fault;

    public string Name => inner.Name;

    public bool Fired { get; private set; }

    /// <summary>How many calls were made of each kind.</summary>
    public Dictionary<VolumeCall, int> Calls { get; } = [];

    /// <summary>The <paramref name="nth"/> call of that kind from now on fails; counted from 0. A put that fails may have happened.</summary>
    public void Plan(VolumeCall call, int nth, Func<Exception> fault) => (_call, _left, _fault, Fired) = (call, nth, fault, false);

    public async ValueTask<IReadOnlyList<VolumeEntry>> ListAsync(string prefix, CancellationToken cancel)
    {
        Pass(VolumeCall.List);
        return await inner.ListAsync(prefix, cancel);
    }

    public async ValueTask<int> ReadAsync(string name, long offset, Memory<byte> buffer, CancellationToken cancel)
    {
        Pass(VolumeCall.Read);
        return await inner.ReadAsync(name, offset, buffer, cancel);
    }

    public async ValueTask<bool> PutIfAbsentAsync(string name, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        Pass(VolumeCall.Put);
        return await inner.PutIfAbsentAsync(name, bytes, cancel);
    }

    public async ValueTask PutAsync(string name, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        Pass(VolumeCall.Replace);
        await inner.PutAsync(name, bytes, cancel);
    }

    public async ValueTask<IVolumeWriter> CreateAsync(string name, CancellationToken cancel)
    {
        Pass(VolumeCall.Create);
        return new Writer(this, await inner.CreateAsync(name, cancel));
    }

    public ValueTask DeleteAsync(string name, CancellationToken cancel) => inner.DeleteAsync(name, cancel);

    public async ValueTask SyncNamesAsync(string prefix, CancellationToken cancel)
    {
        Pass(VolumeCall.Sync);
        await inner.SyncNamesAsync(prefix, cancel);
    }

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    private void Pass(VolumeCall call)
    {
        lock (_gate)
        {
            Calls[call] = Calls.GetValueOrDefault(call) + 1;
            if (_fault is null || call != _call || _left-- != 0) return;
            Fired = true;
            throw _fault();
        }
    }

    private sealed class Writer(FaultyVolume volume, IVolumeWriter writer) : IVolumeWriter
    {
        public async ValueTask AppendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel)
        {
            volume.Pass(VolumeCall.Append);
            await writer.AppendAsync(bytes, cancel);
        }

        public async ValueTask CompleteAsync(CancellationToken cancel)
        {
            volume.Pass(VolumeCall.Complete);
            await writer.CompleteAsync(cancel);
        }

        public ValueTask DisposeAsync() => writer.DisposeAsync();
    }
}
