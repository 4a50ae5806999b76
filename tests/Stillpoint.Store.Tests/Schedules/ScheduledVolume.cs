using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>A process's sight of a volume that it shares with others.</summary>
internal sealed class ScheduledVolume(IVolume inner, ScheduledProcess process) : IVolume
{
    public string Name => inner.Name;

    public ValueTask<IReadOnlyList<VolumeEntry>> ListAsync(string prefix, CancellationToken cancel) =>
        process.CallAsync($"list {prefix}", () => inner.ListAsync(prefix, cancel));

    public ValueTask<int> ReadAsync(string name, long offset, Memory<byte> buffer, CancellationToken cancel) =>
        process.CallAsync($"read {name}", () => inner.ReadAsync(name, offset, buffer, cancel));

    public ValueTask<bool> PutIfAbsentAsync(string name, ReadOnlyMemory<byte> bytes, CancellationToken cancel) =>
        process.CallAsync($"put {name}", () => inner.PutIfAbsentAsync(name, bytes, cancel));

    public ValueTask PutAsync(string name, ReadOnlyMemory<byte> bytes, CancellationToken cancel) =>
        CallAsync($"replace {name}", () => inner.PutAsync(name, bytes, cancel));

    public async ValueTask<IVolumeWriter> CreateAsync(string name, CancellationToken cancel) =>
        new Writer(this, name, await process.CallAsync($"create {name}", () => inner.CreateAsync(name, cancel)));

    public ValueTask DeleteAsync(string name, CancellationToken cancel) => CallAsync($"delete {name}", () => inner.DeleteAsync(name, cancel));

    public ValueTask SyncNamesAsync(string prefix, CancellationToken cancel) => CallAsync($"sync {prefix}", () => inner.SyncNamesAsync(prefix, cancel));

    public ValueTask DisposeAsync() => default;

    private async ValueTask CallAsync(string what, Func<ValueTask> call) =>
        await process.CallAsync(what, async () =>
        {
            await call();
            return true;
        });

    private sealed class Writer(ScheduledVolume volume, string name, IVolumeWriter writer) : IVolumeWriter
    {
        public ValueTask AppendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel) =>
            volume.CallAsync($"append {name}", () => writer.AppendAsync(bytes, cancel));

        public ValueTask CompleteAsync(CancellationToken cancel) => volume.CallAsync($"complete {name}", () => writer.CompleteAsync(cancel));

        public ValueTask DisposeAsync() => writer.DisposeAsync();
    }
}
