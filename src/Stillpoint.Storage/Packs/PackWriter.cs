using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>A pack that is being written. Not safe for several threads.</summary>
internal sealed class PackWriter : IAsyncDisposable
{
    private const int BufferBytes = 1 << 20;

    private readonly IVolumeWriter _writer;
    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(BufferBytes);
    private readonly List<PackEntry> _entries = [];
    private int _used;

    private PackWriter(IVolumeWriter writer, PackHeader header, string name) => (_writer, Header, Name) = (writer, header, name);

    public PackHeader Header { get; }

    public string Name { get; }

    /// <summary>Bytes so far; of the whole pack once it is complete.</summary>
    public long Length { get; private set; }

    /// <summary>The version of the object, once it is complete.</summary>
    public string Version => _writer.Version;

    public IReadOnlyList<PackEntry> Entries => _entries;

    public static async ValueTask<PackWriter> CreateAsync(IVolume volume, PackHeader header, CancellationToken cancel)
    {
        var name = UnitNames.Pack(header);
        var pack = new PackWriter(await volume.CreateAsync(name, cancel), header, name);
        PackFormat.WriteHeader(header, pack._buffer.AsSpan(0, PackFormat.HeaderSize));
        pack._used = PackFormat.HeaderSize;
        pack.Length = PackFormat.HeaderSize;
        return pack;
    }

    public async ValueTask AppendAsync(RecordHeader header, ReadOnlyMemory<byte> content, CancellationToken cancel)
    {
        var size = StoreFormat.RecordHeaderSize + content.Length;
        if (_used + size > BufferBytes) await DrainAsync(cancel);
        if (size > BufferBytes)
        {
            var large = new byte[StoreFormat.RecordHeaderSize];
            PackFormat.WriteRecordHeader(header, content.Span, large);
            await _writer.AppendAsync(large, cancel);
            await _writer.AppendAsync(content, cancel);
        }
        else
        {
            PackFormat.WriteRecordHeader(header, content.Span, _buffer.AsSpan(_used));
            content.Span.CopyTo(_buffer.AsSpan(_used + StoreFormat.RecordHeaderSize));
            _used += size;
        }
        _entries.Add(new PackEntry(header.Id, checked((uint)Length), header.StoredLength));
        Length += size;
    }

    /// <summary>Writes the trailer and makes the pack durable.</summary>
    public async Task CompleteAsync(CancellationToken cancel)
    {
        await DrainAsync(cancel);
        var trailer = PackFormat.WriteTrailer(_entries, Length);
        await _writer.AppendAsync(trailer, cancel);
        Length += trailer.Length;
        await _writer.CompleteAsync(cancel);
    }

    public ValueTask DisposeAsync() => _writer.DisposeAsync();

    private async ValueTask DrainAsync(CancellationToken cancel)
    {
        await _writer.AppendAsync(_buffer.AsMemory(0, _used), cancel);
        _used = 0;
    }
}
