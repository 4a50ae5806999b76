namespace Stillpoint.Storage;

/// <summary>Finds the entries of one key after another in a run. It holds the page that it read last: keys that come in ascending order share
/// reads.</summary>
/// <param name="run">The run.</param>
/// <param name="page">A buffer of <see cref="RunFormat.PageSize"/> bytes.</param>
internal ref struct RunCursor(IndexRun run, Span<byte> page)
{
    private readonly Span<byte> _page = page;
    private int _loaded = -1;
    private int _count;
    private int _at;
    private RunKey _key;

    /// <summary>The entry that <see cref="First"/> or <see cref="Next"/> found.</summary>
    public readonly RunEntry Current => run.Entry(_page[(_at * RunEntry.Size)..]);

    /// <summary>Goes to the first entry of a key; false when there is none.</summary>
    public bool First(RunKey key)
    {
        _key = key;
        for (var page = run.PageOf(key.Head); run.Reaches(page, key.Head); page++)
        {
            Load(page);
            _at = LowerBound(key);
            if (_at < _count) return KeyAt(_at) == key;
        }
        return false;
    }

    /// <summary>Goes to the next entry of the same key.</summary>
    public bool Next()
    {
        if (++_at < _count) return KeyAt(_at) == _key;
        if (!run.Reaches(_loaded + 1, _key.Head)) return false;
        Load(_loaded + 1);
        _at = 0;
        return KeyAt(0) == _key;
    }

    private void Load(int page)
    {
        if (_loaded == page) return;
        _loaded = -1;
        run.Read(page, _page);
        _loaded = page;
        _count = run.CountOn(page);
    }

    private readonly int LowerBound(RunKey key)
    {
        int low = 0, high = _count;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (KeyAt(middle).CompareTo(key) < 0) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    private readonly RunKey KeyAt(int index) => RunEntry.ReadKey(_page[(index * RunEntry.Size)..]);
}
