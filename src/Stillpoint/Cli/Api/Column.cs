namespace Stillpoint.Cli;

/// <summary>One column of a list, and what becomes of it where the terminal is narrow.</summary>
/// <param name="Name">What stands above it.</param>
internal sealed record Column(string Name)
{
    /// <summary>Right aligned.</summary>
    public bool Right { get; init; }

    /// <summary>Its cells are never broken into lines: ids, dates, numbers.</summary>
    public bool Unbroken { get; init; }

    /// <summary>Left out where space is short, the lowest first; 0 stays.</summary>
    public int Drop { get; init; }

    /// <summary>Letters that a cell keeps at least where the last space goes: the rest becomes "…" instead of a second line; 0 folds it.</summary>
    public int Cut { get; init; }

    /// <summary>What a cell says where space is short.</summary>
    public Func<string, string>? Short { get; init; }

    public static implicit operator Column(string name) => name.StartsWith('>') ? Number(name[1..]) : new(name);

    public static Column Whole(string name) => new(name) { Unbroken = true };

    public static Column Number(string name) => new(name) { Right = true, Unbroken = true };
}
