using System.Runtime.InteropServices;
using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>
/// From ids to places: one open-addressed table, 28 bytes a slot, doubled when three quarters are taken. It keeps half of an id: ids are
/// hashes, so 128 bits tell any two apart, and whoever reads a record sees the whole id in its header. Not safe for several threads.
/// </summary>
internal sealed class IdIndex
{
    private Slot[] _slots = new Slot[1024];

    /// <summary>Number of ids.</summary>
    public int Count { get; private set; }

    /// <summary>The place of an id.</summary>
    public bool TryFind(ChunkId id, out Location location)
    {
        var slots = _slots;
        var mask = slots.Length - 1;
        for (var i = (int)(id.A & (uint)mask); slots[i].Length != 0; i = (i + 1) & mask)
        {
            ref var slot = ref slots[i];
            if (slot.A != id.A || slot.B != id.B) continue;
            location = new Location(slot.Pack, slot.Offset, slot.Length);
            return true;
        }
        location = default;
        return false;
    }

    /// <summary>Adds an id unless it is there: the first place stays.</summary>
    public void Add(ChunkId id, Location location)
    {
        if (Count >= _slots.Length / 4 * 3) Grow();
        if (Insert(_slots, new Slot { A = id.A, B = id.B, Pack = location.Pack, Offset = location.Offset, Length = location.StoredLength })) Count++;
    }

    /// <summary>Makes room for that many more.</summary>
    public void Reserve(int more)
    {
        while (Count + more >= _slots.Length / 4 * 3) Grow();
    }

    /// <summary>The same without the ids whose place is in one of those packs.</summary>
    public IdIndex Without(IReadOnlySet<int> packs)
    {
        var rest = new IdIndex();
        foreach (var slot in _slots)
        {
            if (slot.Length == 0 || packs.Contains(slot.Pack)) continue;
            if (rest.Count >= rest._slots.Length / 4 * 3) rest.Grow();
            if (Insert(rest._slots, slot)) rest.Count++;
        }
        return rest;
    }

    private void Grow()
    {
        var larger = new Slot[checked(_slots.Length * 2)];
        foreach (var slot in _slots)
            if (slot.Length != 0) Insert(larger, slot);
        _slots = larger;
    }

    private static bool Insert(Slot[] slots, Slot slot)
    {
        var mask = slots.Length - 1;
        var i = (int)(slot.A & (uint)mask);
        for (; slots[i].Length != 0; i = (i + 1) & mask)
            if (slots[i].A == slot.A && slots[i].B == slot.B) return false;
        slots[i] = slot;
        return true;
    }

    [StructLayout(LayoutKind.Sequential, Pack = 4)]
    private struct Slot
    {
        public ulong A;
        public ulong B;
        public int Pack;
        public uint Offset;
        public int Length;
    }
}
