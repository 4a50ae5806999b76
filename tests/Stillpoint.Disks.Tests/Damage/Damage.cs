namespace Stillpoint.Disks.Tests;

/// <summary>What a damage must lead to.</summary>
internal enum DamageClass
{
    /// <summary>The disk opens and reads as before.</summary>
    Sound,

    /// <summary>The file is refused by name.</summary>
    Refused,

    /// <summary>No reader can see it: the disk opens, and only bytes of the named ranges may differ.</summary>
    Local,
}

/// <summary>A damaged file, and what must become of it, told before it is opened.</summary>
/// <param name="Kind">What was done, for messages.</param>
/// <param name="Bytes">The file.</param>
/// <param name="Class">What must become of it.</param>
/// <param name="Structures">Names one of which a refusal must carry.</param>
/// <param name="Affected">Ranges of the disk that may read otherwise.</param>
internal sealed record Damage(string Kind, byte[] Bytes, DamageClass Class, string[] Structures, IReadOnlyList<(long From, long To)> Affected)
{
    internal static Damage Sound(string kind, byte[] bytes) => new(kind, bytes, DamageClass.Sound, [], []);

    internal static Damage Refused(string kind, byte[] bytes, params string[] structures) => new(kind, bytes, DamageClass.Refused, structures, []);

    internal static Damage Local(string kind, byte[] bytes, params (long From, long To)[] affected) => new(kind, bytes, DamageClass.Local, [], affected);
}
