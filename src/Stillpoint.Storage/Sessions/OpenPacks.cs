using System.Collections.Concurrent;
using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>
/// The packs that a session is filling: the newest data packs by salt, and one for nodes. A full pack is completed in the background and
/// enters the index when it is durable; until then only this session knows what is in it. Not safe for several threads, but for
/// <see cref="Holds"/>.
/// </summary>
internal sealed class OpenPacks(IVolume volume, Guid unit, Guid session, DomainIndex index, Func<Guid> newId) : IAsyncDisposable
{
    /// <summary>Data packs open at once: the sealer's at hand, and the one before it, whose last records may still be on their way.</summary>
    private const int MostOpen = 2;

    /// <summary>Packs being completed at once; a third waits, so that a slow disk slows the reading.</summary>
    private const int MostCompleting = 2;

    private readonly PackBuffers _buffers = new();
    private readonly List<PackWriter> _data = [];
    private readonly List<Task> _completing = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<ChunkId, byte> _chunks = new();
    private readonly HashSet<NodeId> _nodeIds = [];
    private PackWriter? _nodes;

    private readonly List<NamedPack> _completed = [];

    /// <summary>Bytes of the packs that were completed.</summary>
    public long StoredBytes { get; private set; }

    /// <summary>The packs that this session made durable.</summary>
    public IReadOnlyList<NamedPack> Completed
    {
        get
        {
            lock (_completed) return [.. _completed];
        }
    }

    /// <summary>True when something was put that is not durable yet.</summary>
    public bool Pending => _data.Count > 0 || _nodes is not null || _completing.Count > 0;

    /// <summary>True for a chunk in a pack that is not in the index yet.</summary>
    public bool Holds(ChunkId id) => _chunks.ContainsKey(id);

    public bool Holds(NodeId id) => _nodeIds.Contains(id);

    public async ValueTask PutAsync(SealedRecord record, CancellationToken cancel)
    {
        var pack = _data.Find(p => p.Header.Salt.Span.SequenceEqual(record.PackSalt.Span) && p.Header.Epoch == record.Epoch);
        if (pack is null || pack.Length > PackSealer.PackBytes * 2)
        {
            if (pack is not null) await CompleteLaterAsync(pack, cancel);
            while (_data.Count >= MostOpen) await CompleteLaterAsync(_data[0], cancel);
            _data.Add(pack = await CreateAsync(PackKind.Data, record.Epoch, record.PackSalt.ToArray(), cancel));
        }
        var header = new RecordHeader(record.Number, record.PlainLength, record.Bytes.Length, record.Compressed, record.Id);
        await pack.AppendAsync(header, record.Bytes, cancel);
        _chunks.TryAdd(record.Id, 0);
    }

    public async ValueTask PutAsync(NodeId id, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        _nodes ??= await CreateAsync(PackKind.Nodes, epoch: 0, new byte[StoreFormat.SaltSize], cancel);
        var header = new RecordHeader((uint)_nodes.Entries.Count, bytes.Length, bytes.Length, Compressed: false, DomainIndex.AsChunk(id));
        await _nodes.AppendAsync(header, bytes, cancel);
        _nodeIds.Add(id);
        if (_nodes.Length >= PackSealer.PackBytes) await CompleteNodesAsync(cancel);
    }

    /// <summary>Returns when all that was put is durable and in the index. Who gives up waiting leaves it under way.</summary>
    public async Task FlushAsync(CancellationToken cancel)
    {
        while (_data.Count > 0) await CompleteLaterAsync(_data[0], cancel);
        if (_nodes is not null) await CompleteNodesAsync(cancel);
        await Task.WhenAll(_completing).WaitAsync(cancel);
        _completing.Clear();
    }

    /// <summary>Ends what is under way: nothing more of this session is wanted.</summary>
    public Task StopAsync() => _stop.CancelAsync();

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await Task.WhenAll(_completing).ContinueWith(static t => _ = t.Exception, TaskScheduler.Default);
        // At once: each may have to tell a server, which may not answer.
        await Task.WhenAll(_data.Append(_nodes).OfType<PackWriter>().Select(static pack => pack.DisposeAsync().AsTask()));
        _stop.Dispose();
    }

    private ValueTask<PackWriter> CreateAsync(PackKind kind, ushort epoch, byte[] salt, CancellationToken cancel) =>
        PackWriter.CreateAsync(volume, _buffers, new PackHeader(kind, epoch, unit, index.Domain, newId(), session, salt), cancel);

    private async ValueTask CompleteLaterAsync(PackWriter pack, CancellationToken cancel)
    {
        await RoomAsync(cancel);
        _data.Remove(pack);
        _completing.Add(CompleteAsync(pack));
    }

    private async ValueTask CompleteNodesAsync(CancellationToken cancel)
    {
        await RoomAsync(cancel);
        var nodes = _nodes!;
        _nodes = null;
        _completing.Add(CompleteAsync(nodes));
    }

    private async ValueTask RoomAsync(CancellationToken cancel)
    {
        while (_completing.Count >= MostCompleting)
        {
            var done = await Task.WhenAny(_completing).WaitAsync(cancel);
            _completing.Remove(done);
            await done;
        }
    }

    private async Task CompleteAsync(PackWriter pack)
    {
        await using (pack)
        {
            // Not cancelled half-way while the session lives: whether the pack is there must be known.
            await pack.CompleteAsync(_stop.Token);
            Kill.Reach(KillPoint.PackDurable);
            index.Add(new PackFile(pack.Name, pack.Length, pack.Header), pack.Entries);
        }
        lock (_completed)
        {
            _completed.Add(new NamedPack(pack.Header.Pack, pack.Header.Kind, pack.Length, pack.Version));
            StoredBytes += pack.Length;
        }
        if (pack.Header.Kind == PackKind.Nodes) return;
        foreach (var entry in pack.Entries) _chunks.TryRemove(entry.Id, out _);
    }
}
