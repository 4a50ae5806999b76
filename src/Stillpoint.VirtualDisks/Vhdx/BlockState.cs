namespace Stillpoint.VirtualDisks;

/// <summary>State of a BAT entry (MS-VHDX 2.5.1): bits 0 to 2.</summary>
internal enum BlockState
{
    NotPresent = 0,
    Undefined = 1,
    Zero = 2,
    Unmapped = 3,

    /// <summary>Unmapped, as files written before the format's version 1.0 say it.</summary>
    UnmappedOld = 5,
    FullyPresent = 6,
    PartiallyPresent = 7,
}

/// <summary>A BAT entry: state in bits 0 to 2, file offset in MiB in bits 20 to 63.</summary>
internal readonly record struct BatEntry(ulong Bits)
{
    internal BatEntry(BlockState state, long fileOffset)
        : this((ulong)fileOffset | (ulong)state)
    {
    }

    internal BlockState State => (BlockState)(Bits & 7);

    internal long FileOffset => unchecked((long)(Bits & ~0xFFFFFUL));

    internal bool IsPresent => State is BlockState.FullyPresent or BlockState.PartiallyPresent;
}
