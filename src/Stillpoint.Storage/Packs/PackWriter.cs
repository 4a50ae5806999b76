using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>A pack that is being written, through two buffers: while one is filled the other is put down. Every write but the last is a whole
/// buffer, so that a volume may pass it to the disk as it is. Not safe for several threads.</summary>
internal sealed class PackWriter : IAsyncDisposable
{
    private readonly IVolumeWriter _writer;
    private readonly PackBuffers _buffers;
    private readonly byte[] _head = new byte[StoreFormat.RecordHeaderSize];
    private readonly List<PackEntry> _entries = [];
    private Memory<byte> _buffer;
    private Task _writing = Task.CompletedTask;
    private int _used;

    private PackWriter(IVolumeWriter writer, PackBuffers buffers, PackHeader header, string name) =>
        (_writer, _buffers, _buffer, Header, Name) = (writer, buffers, buffers.Rent(), header, name);

    public PackHeader Header { get; }

    public string Name { get; }

    /// <summary>Bytes so far; of the whole pack once it is complete.</summary>
    public long Length { get; private set; }

    /// <summary>The version of the object, once it is complete.</summary>
    public string Version => _writer.Version;

    public IReadOnlyList<PackEntry> Entries => _entries;

    public static async ValueTask<PackWriter> CreateAsync(IVolume volume, PackBuffers buffers, PackHeader header, CancellationToken cancel)
    {
        var name = UnitNames.Pack(header);
        var pack = new PackWriter(await volume.CreateAsync(name, cancel), buffers, header, name);
        PackFormat.WriteHeader(header, pack._buffer.Span[..PackFormat.HeaderSize]);
        pack._used = PackFormat.HeaderSize;
        pack.Length = PackFormat.HeaderSize;
        return pack;
    }

    public async ValueTask AppendAsync(RecordHeader header, ReadOnlyMemory<byte> content, CancellationToken cancel)
    {
        PackFormat.WriteRecordHeader(header, content.Span, _head);
        await FillAsync(_head, cancel);
        await FillAsync(content, cancel);
        _entries.Add(new PackEntry(header.Id, checked((uint)Length), header.StoredLength));
        Length += _head.Length + content.Length;
    }

    /// <summary>Writes the trailer and makes the pack durable.</summary>
    public async Task CompleteAsync(CancellationToken cancel)
    {
        var trailer = PackFormat.WriteTrailer(_entries, Length);
        await FillAsync(trailer, cancel);
        Length += trailer.Length;
        await DrainAsync(cancel);
        await _writing;
        await _writer.CompleteAsync(cancel);
    }

    public async ValueTask DisposeAsync()
    {
        // Who waits for a write knows of its failure; here it only must have ended.
        await _writing.ContinueWith(static t => _ = t.Exception, TaskScheduler.Default);
        if (!_buffer.IsEmpty) _buffers.Return(_buffer);
        _buffer = default;
        await _writer.DisposeAsync();
    }

    private async ValueTask FillAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        while (true)
        {
            var size = Math.Min(bytes.Length, _buffer.Length - _used);
            bytes[..size].CopyTo(_buffer[_used..]);
            _used += size;
            bytes = bytes[size..];
            if (bytes.IsEmpty) return;
            await DrainAsync(cancel);
        }
    }

    private async ValueTask DrainAsync(CancellationToken cancel)
    {
        await _writing;
        _writing = WriteAsync(_buffer, _used, cancel);
        _buffer = _buffers.Rent();
        _used = 0;
    }

    private async Task WriteAsync(Memory<byte> buffer, int used, CancellationToken cancel)
    {
        await _writer.AppendAsync(buffer[..used], cancel);
        _buffers.Return(buffer);
    }
}
