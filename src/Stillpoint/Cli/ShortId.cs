namespace Stillpoint.Cli;

/// <summary>Ids as tables show them: the first eight digits, which commands take for the whole where they are unambiguous.</summary>
internal static class ShortId
{
    public static string Of(Guid id) => id.ToString()[..8];

    /// <summary>Of an id in words.</summary>
    public static string Of(string id) => id[..8];
}
