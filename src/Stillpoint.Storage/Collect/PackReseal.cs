using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>
/// Seals the records that live in data packs anew, into packs of full size under fresh salts and the keys' epoch: how a rotation reaches what is
/// old, and how small packs become few. Each record is proved by its id on the way, so that no session has to answer for it any more and packs of
/// several sessions may share one. A pair of key and nonce is used once: the sealer makes each salt and counts within it.
/// </summary>
internal sealed class PackReseal : IAsyncDisposable
{
    private readonly StorageUnit _unit;
    private readonly DomainKeys _keys;
    private readonly PackBuffers _buffers = new();
    private readonly PackSealer _sealer;
    private readonly RecordOpener _opener;
    private readonly byte[] _plain = new byte[StoreFormat.MaxChunkSize];
    private readonly List<PackFile> _whole = [];
    private PackWriter? _target;

    public PackReseal(StorageUnit unit, CollectKeys keys)
    {
        _unit = unit;
        _keys = keys.Keys;
        _sealer = new PackSealer(keys.Keys, keys.Random, unit.Parameters.CompressionLevel);
        _opener = new RecordOpener(keys.Keys);
    }

    /// <summary>Packs of which every living record is durable elsewhere.</summary>
    public List<PackFile> Done { get; } = [];

    /// <summary>Bytes of the packs that were written.</summary>
    public long BytesWritten { get; private set; }

    /// <summary>Seals what lives in one pack.</summary>
    /// <exception cref="Model.TroubleException">A record does not open, or is not what its id says: its pack stays as it is, nothing of it is written, and a
    /// verify tells of it.</exception>
    /// <exception cref="IOException">The volume failed, or is full.</exception>
    public async Task AddAsync(PackFile pack, Func<uint, bool> lives, CancellationToken cancel)
    {
        var (_, entries, _) = await PackFile.LoadAsync(_unit.Volume, new VolumeEntry(pack.Name, pack.Length), _unit.Parameters.UnitId, cancel);
        List<PackEntry> living = [.. entries.Where(e => lives(e.Offset))];
        var records = (await LivingRecords.LoadAsync(_unit.Volume, pack, living, cancel)).Select(r => new SealedRecord(
            pack.Header.Salt, r.Header.Number, pack.Header.Epoch, r.Header.Id, r.Header.PlainLength, r.Header.Compressed, r.Content)).ToList();
        foreach (var record in records) _opener.OpenAndProve(record, record.Id, _plain.AsSpan(0, record.PlainLength));
        foreach (var record in records) await WriteAsync(_sealer.Reseal(record, _opener), cancel);
        _whole.Add(pack);
    }

    /// <summary>Makes durable what is still on its way.</summary>
    public async Task FinishAsync(CancellationToken cancel)
    {
        if (_target is not { } target) return;
        _target = null;
        await using (target)
        {
            await target.CompleteAsync(cancel);
            BytesWritten += target.Length;
        }
        Done.AddRange(_whole);
        _whole.Clear();
    }

    public async ValueTask DisposeAsync()
    {
        if (_target is not null) await _target.DisposeAsync();
        _sealer.Dispose();
        _opener.Dispose();
    }

    private async Task WriteAsync(SealedRecord record, CancellationToken cancel)
    {
        // The sealer says where one pack ends: with its salt.
        if (_target is { } open && !open.Header.Salt.Span.SequenceEqual(record.PackSalt.Span)) await FinishAsync(cancel);
        _target ??= await PackWriter.CreateAsync(
            _unit.Volume, _buffers,
            new PackHeader(PackKind.Data, record.Epoch, _unit.Parameters.UnitId, _keys.Domain, _unit.Environment.NewId(), Session: Guid.Empty, record.PackSalt.ToArray()),
            cancel);
        await _target.AppendAsync(new RecordHeader(record.Number, record.PlainLength, record.Bytes.Length, record.Compressed, record.Id), record.Bytes, cancel);
    }
}
