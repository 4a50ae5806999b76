namespace Stillpoint.Model;

/// <summary>The rule of names of policies, schedules, hosts, media servers, storage units and accounts: what is safe in a path, a URL, a
/// certificate subject and a terminal.</summary>
public static class Names
{
    /// <summary>Most characters of a name.</summary>
    public const int MaxLength = 64;

    /// <summary>The rule in words.</summary>
    public const string Rule = "letters, digits, '-', '_' and '.', not beginning with '.' or '-', at most 64";

    /// <summary>True when <paramref name="name"/> keeps the rule.</summary>
    public static bool AreSound(string? name)
    {
        if (string.IsNullOrEmpty(name) || name.Length > MaxLength || name[0] is '.' or '-') return false;
        foreach (var c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.')) return false;
        }
        return true;
    }
}
