namespace Stillpoint.Storage;

/// <summary>The records that something needs: places in packs, 8 bytes a slot in one open-addressed table. Not safe for several threads.</summary>
internal sealed class MarkSet
{
    private ulong[] _slots = new ulong[1024];

    public int Count { get; private set; }

    /// <summary>True when the place was not marked before.</summary>
    public bool Add(int pack, uint offset)
    {
        if (Count >= _slots.Length / 4 * 3) Grow();
        if (!Insert(_slots, Key(pack, offset))) return false;
        Count++;
        return true;
    }

    public bool Contains(int pack, uint offset)
    {
        var key = Key(pack, offset);
        for (var i = Start(_slots, key); _slots[i] != 0; i = (i + 1) & (_slots.Length - 1))
            if (_slots[i] == key) return true;
        return false;
    }

    /// <summary>No record starts at offset 0 of a pack, so no key is 0.</summary>
    private static ulong Key(int pack, uint offset) => (ulong)(uint)pack << 32 | offset;

    private static int Start(ulong[] slots, ulong key)
    {
        var mixed = unchecked(key * 0x9E3779B97F4A7C15);
        return (int)((mixed ^ mixed >> 32) & (uint)(slots.Length - 1));
    }

    private void Grow()
    {
        var larger = new ulong[checked(_slots.Length * 2)];
        foreach (var key in _slots)
            if (key != 0) Insert(larger, key);
        _slots = larger;
    }

    private static bool Insert(ulong[] slots, ulong key)
    {
        var i = Start(slots, key);
        for (; slots[i] != 0; i = (i + 1) & (slots.Length - 1))
            if (slots[i] == key) return false;
        slots[i] = key;
        return true;
    }
}
