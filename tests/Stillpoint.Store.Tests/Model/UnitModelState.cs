namespace Stillpoint.Store.Tests;

/// <summary>A field of the model's state: some bits of 128.</summary>
internal readonly record struct Bits(int At, int Width)
{
    public int Of(UInt128 state) => (int)(uint)((state >> At) & ((1u << Width) - 1));

    public UInt128 Set(UInt128 state, int value) => (state & ~((UInt128)((1u << Width) - 1) << At)) | ((UInt128)(uint)value << At);
}

/// <summary>
/// The state of the model. One chunk, X. Packs that hold it, as bits of a mask: 1 the first image's, 2 and 4 what the writers upload, 8 and 16
/// the copies that the collectors write. Images: 1 the first, which is committed at the beginning, 2 and 4 the writers'.
/// </summary>
internal static class Field
{
    private static int s_at;

    // What lies on the volume.
    public static readonly Bits Packs = Next(5);
    public static readonly Bits Expired = Next(3);
    public static readonly Bits Begun = Next(2);
    public static readonly Bits Committed = Next(2);
    public static readonly Bits Fenced = Next(2);
    public static readonly Bits Round = Next(2);
    public static readonly Bits HasWaits = Next(2);
    public static readonly Bits HasVerdict = Next(2);
    public static readonly Bits[] Condemned = [Next(5), Next(5)];
    public static readonly Bits[] GivenUp = [Next(3), Next(3)];
    public static readonly Bits[] Waits = [Next(2), Next(2)];
    public static readonly Bits[] Verdict = [Next(5), Next(5)];

    // What a writer remembers: where it stands, condemned packs it has seen, packs it has listed, the image it builds on.
    public static readonly Bits[] WriterAt = [Next(3), Next(3)];
    public static readonly Bits[] WriterCondemned = [Next(5), Next(5)];
    public static readonly Bits[] WriterListed = [Next(5), Next(5)];
    public static readonly Bits[] WriterBase = [Next(2), Next(2)];

    // What a collector remembers: where it stands, its round, what it has read or will delete.
    public static readonly Bits[] CollectorAt = [Next(4), Next(4)];
    public static readonly Bits[] CollectorRound = [Next(1), Next(1)];
    public static readonly Bits[] CollectorBegan = [Next(1), Next(1)];
    public static readonly Bits[] CollectorOthers = [Next(5), Next(5)];
    public static readonly Bits[] CollectorPacks = [Next(5), Next(5)];
    public static readonly Bits[] CollectorExpired = [Next(3), Next(3)];

    public static int Total => s_at;

    private static Bits Next(int width)
    {
        var field = new Bits(s_at, width);
        s_at += width;
        return field;
    }
}

/// <summary>A step of the protocol that the model can leave out, to show that it is needed.</summary>
internal enum Omission
{
    None,

    /// <summary>The writer reads the rounds before its session shows.</summary>
    SessionShowsLate,

    /// <summary>A hit in a condemned pack counts.</summary>
    CondemnedHitsCount,

    /// <summary>The commit check takes a base that was given up for proof.</summary>
    ExpiredBaseProves,

    /// <summary>A writer commits although its session was fenced.</summary>
    FencedCommits,

    /// <summary>The collector lists the open sessions before its round shows.</summary>
    WaitsListedEarly,

    /// <summary>The collector does not wait.</summary>
    NoWait,

    /// <summary>What was condemned is deleted without a second mark.</summary>
    NoSecondMark,

    /// <summary>In the second mark what was given up since the round counts as given up.</summary>
    LaterExpiryCounts,

    /// <summary>In the second mark copies in packs that other rounds condemned count.</summary>
    OtherRoundsCopiesCount,

    /// <summary>In the second mark packs are listed before the rounds.</summary>
    PacksListedFirst,

    /// <summary>Each executor deletes what it found itself.</summary>
    VerdictsDiffer,

    /// <summary>A verdict is executed although its round is over.</summary>
    LateVerdictBinds,
}
