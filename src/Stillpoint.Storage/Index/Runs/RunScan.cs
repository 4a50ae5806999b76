namespace Stillpoint.Storage;

/// <summary>Reads a run from its first entry to its last, many pages at a time.</summary>
/// <param name="run">The run.</param>
internal sealed class RunScan(IndexRun run)
{
    private const int BufferPages = 256;

    private readonly byte[] _buffer = new byte[BufferPages * RunFormat.PageSize];
    private int _next;
    private int _held;
    private int _page;
    private int _at;

    public RunEntry Current { get; private set; }

    /// <exception cref="Model.TroubleException">The run is damaged.</exception>
    public bool MoveNext()
    {
        var number = _next - _held + _page;
        if (_held == 0 || _at == run.CountOn(number))
        {
            if (_held > 0) (_page, _at) = (_page + 1, 0);
            if (_page == _held && !Fill()) return false;
        }
        Current = run.Entry(_buffer.AsSpan(_page * RunFormat.PageSize + _at * RunEntry.Size));
        _at++;
        return true;
    }

    private bool Fill()
    {
        _held = Math.Min(BufferPages, run.Pages - _next);
        _page = 0;
        if (_held == 0) return false;
        run.Read(_next, _buffer.AsSpan(0, _held * RunFormat.PageSize));
        _next += _held;
        return true;
    }
}
