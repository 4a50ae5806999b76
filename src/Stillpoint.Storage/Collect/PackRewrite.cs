using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>
/// Copies the records that live out of packs that are mostly dead. A record keeps salt, number and bytes, so this needs no key; the copy
/// of a data pack is a pack of its own, since a pack has one salt, while nodes, which have none, share packs.
/// </summary>
/// <param name="unit">The unit.</param>
/// <param name="domain">The domain.</param>
internal sealed class PackRewrite(StorageUnit unit, Guid domain) : IAsyncDisposable
{
    private readonly PackBuffers _buffers = new();
    private readonly List<PackFile> _inNodes = [];
    private PackWriter? _nodes;

    /// <summary>Packs of which every living record is durable elsewhere.</summary>
    public List<PackFile> Done { get; } = [];

    /// <summary>Bytes of the packs that were written.</summary>
    public long BytesWritten { get; private set; }

    /// <summary>Copies what lives in one pack.</summary>
    /// <exception cref="Model.TroubleException">A record is not sound as it lies: its pack stays as it is.</exception>
    /// <exception cref="IOException">The volume failed, or is full.</exception>
    public async Task AddAsync(PackFile pack, Func<uint, bool> lives, CancellationToken cancel)
    {
        var (_, entries, _) = await PackFile.LoadAsync(unit.Volume, new VolumeEntry(pack.Name, pack.Length), unit.Parameters.UnitId, cancel);
        var living = entries.Where(e => lives(e.Offset)).ToList();
        if (pack.Header.Kind == PackKind.Nodes)
        {
            // Others share the target: nothing of a pack that is damaged may be in it.
            var records = await LivingRecords.LoadAsync(unit.Volume, pack, living, cancel);
            _nodes ??= await CreateAsync(pack.Header with { Pack = unit.Environment.NewId() }, cancel);
            foreach (var (header, content) in records)
                await _nodes.AppendAsync(header with { Number = (uint)_nodes.Entries.Count }, content, cancel);
            _inNodes.Add(pack);
            if (_nodes.Length >= PackSealer.PackBytes) await FinishNodesAsync(cancel);
            return;
        }
        await using var target = await CreateAsync(pack.Header with { Pack = unit.Environment.NewId() }, cancel);
        await foreach (var (header, content) in LivingRecords.ReadAsync(unit.Volume, pack, living, cancel)) await target.AppendAsync(header, content, cancel);
        await target.CompleteAsync(cancel);
        BytesWritten += target.Length;
        Done.Add(pack);
    }

    /// <summary>Makes the nodes durable that are still on their way.</summary>
    public async Task FinishNodesAsync(CancellationToken cancel)
    {
        if (_nodes is not { } nodes) return;
        _nodes = null;
        await using (nodes)
        {
            await nodes.CompleteAsync(cancel);
            BytesWritten += nodes.Length;
        }
        Done.AddRange(_inNodes);
        _inNodes.Clear();
    }

    public async ValueTask DisposeAsync()
    {
        if (_nodes is not null) await _nodes.DisposeAsync();
    }

    private async Task<PackWriter> CreateAsync(PackHeader header, CancellationToken cancel) => header.Domain == domain
        ? await PackWriter.CreateAsync(unit.Volume, _buffers, header, cancel)
        : throw Damage.Of(UnitNames.Pack(header), $"it is not of domain {domain:N}");
}
