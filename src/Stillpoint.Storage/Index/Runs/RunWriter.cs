using System.Buffers.Binary;

namespace Stillpoint.Storage;

/// <summary>Writes a run: entries in order, then its tables. Memory: a buffer and 8 bytes for 42 entries.</summary>
internal sealed class RunWriter : IAsyncDisposable
{
    private const int BufferPages = 1024;

    private readonly IVolumeWriter _writer;
    private readonly Guid _run;
    private readonly byte[] _buffer = new byte[BufferPages * RunFormat.PageSize];
    private readonly List<ulong> _fences = [];
    private int _full; // bytes of whole pages in the buffer
    private int _onPage;
    private long _pages = 1;
    private long _entries;

    private RunWriter(IVolumeWriter writer, string name, Guid run) => (_writer, Name, _run) = (writer, name, run);

    public string Name { get; }

    public static async Task<RunWriter> CreateAsync(IVolume volume, Guid unit, Guid domain, Guid run, CancellationToken cancel)
    {
        var name = UnitNames.Run(domain, run);
        var made = new RunWriter(await volume.CreateAsync(name, cancel), name, run);
        RunFormat.WriteHead(made._buffer.AsSpan(0, RunFormat.PageSize), unit, domain, run);
        made._full = RunFormat.PageSize;
        return made;
    }

    /// <summary>Appends an entry, which must not be below the last one. True when the buffer is full and <see cref="DrainAsync"/> is due.</summary>
    public bool Append(RunEntry entry)
    {
        if (_onPage == 0) _fences.Add(entry.Key.Head);
        entry.Write(_buffer.AsSpan(_full + _onPage * RunEntry.Size));
        _entries++;
        return ++_onPage == RunFormat.EntriesPerPage && EndPage();
    }

    /// <summary>Writes out the whole pages that are buffered.</summary>
    public async ValueTask DrainAsync(CancellationToken cancel)
    {
        await _writer.AppendAsync(_buffer.AsMemory(0, _full), cancel);
        _full = 0;
    }

    /// <summary>Writes the tables and makes the run durable; only then it is there.</summary>
    public async Task CompleteAsync(IReadOnlyList<RunPack> packs, CancellationToken cancel)
    {
        if (_onPage > 0)
        {
            _buffer.AsSpan(_full + _onPage * RunEntry.Size, RunFormat.PageContent - _onPage * RunEntry.Size).Clear();
            EndPage();
        }
        await DrainAsync(cancel);
        var footer = new RunFooter(_entries, packs.Count);
        var tables = new byte[checked((int)RunFormat.TablesSize(footer))];
        var at = tables.AsSpan();
        foreach (var pack in packs)
        {
            RunFormat.WritePack(pack, at[..RunFormat.PackRowSize]);
            at = at[RunFormat.PackRowSize..];
        }
        foreach (var fence in _fences)
        {
            BinaryPrimitives.WriteUInt64BigEndian(at, fence);
            at = at[RunFormat.FenceSize..];
        }
        RunFormat.WriteFooter(footer, at);
        RunFormat.SealTables(tables, _run);
        await _writer.AppendAsync(tables, cancel);
        await _writer.CompleteAsync(cancel);
    }

    public ValueTask DisposeAsync() => _writer.DisposeAsync();

    private bool EndPage()
    {
        RunFormat.SealPage(_buffer.AsSpan(_full, RunFormat.PageSize), _run, _pages++);
        _full += RunFormat.PageSize;
        _onPage = 0;
        return _full == _buffer.Length;
    }
}
