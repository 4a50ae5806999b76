namespace Stillpoint.Lab;

/// <summary>Ids in the spelling of Hyper-V.</summary>
internal static class LabText
{
    private const string Prefix = "Microsoft:";

    /// <summary>A GUID in upper case.</summary>
    public static string Upper(Guid id) => id.ToString().ToUpperInvariant();

    /// <summary><c>Microsoft:GUID</c>.</summary>
    public static string InstanceId(Guid id) => Prefix + Upper(id);

    /// <summary>The GUID that an instance id begins with, and what follows behind a backslash.</summary>
    public static bool TryParseInstanceId(string? text, out Guid id, out string rest)
    {
        id = default;
        rest = "";
        if (text is null || !text.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase)) return false;
        var end = text.IndexOf('\\');
        if (end >= 0) rest = text[(end + 1)..];
        return Guid.TryParse(text[Prefix.Length..(end < 0 ? text.Length : end)], out id);
    }
}
