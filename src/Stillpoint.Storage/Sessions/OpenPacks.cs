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
            if (pack is not null) await CompleteLaterAsync(pack);
            while (_data.Count >= MostOpen) await CompleteLaterAsync(_data[0]);
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
        if (_nodes.Length < PackSealer.PackBytes) return;
        var full = _nodes;
        _nodes = null;
        await StartCompletingAsync(full);
    }

    /// <summary>Returns when all that was put is durable and in the index.</summary>
    public async Task FlushAsync()
    {
        while (_data.Count > 0) await CompleteLaterAsync(_data[0]);
        if (_nodes is { } nodes)
        {
            _nodes = null;
            await StartCompletingAsync(nodes);
        }
        await Task.WhenAll(_completing);
        _completing.Clear();
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_completing).ContinueWith(static t => _ = t.Exception, TaskScheduler.Default);
        foreach (var pack in _data) await pack.DisposeAsync();
        if (_nodes is not null) await _nodes.DisposeAsync();
    }

    private ValueTask<PackWriter> CreateAsync(PackKind kind, ushort epoch, byte[] salt, CancellationToken cancel) =>
        PackWriter.CreateAsync(volume, _buffers, new PackHeader(kind, epoch, unit, index.Domain, newId(), session, salt), cancel);

    private async ValueTask CompleteLaterAsync(PackWriter pack)
    {
        _data.Remove(pack);
        await StartCompletingAsync(pack);
    }

    private async ValueTask StartCompletingAsync(PackWriter pack)
    {
        while (_completing.Count >= MostCompleting)
        {
            var done = await Task.WhenAny(_completing);
            _completing.Remove(done);
            await done;
        }
        _completing.Add(CompleteAsync(pack));
    }

    private async Task CompleteAsync(PackWriter pack)
    {
        await using (pack)
        {
            // Not cancelled half-way: whether the pack is there must be known.
            await pack.CompleteAsync(CancellationToken.None);
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
