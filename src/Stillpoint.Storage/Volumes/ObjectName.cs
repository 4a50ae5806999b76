namespace Stillpoint.Storage;

/// <summary>The rule of objects' names: letters, digits, <c>.</c> and <c>-</c>, in parts divided by <c>/</c>, at most 250 characters.</summary>
internal static class ObjectName
{
    private const int MaxLength = 250;

    /// <exception cref="ArgumentException">It is no name.</exception>
    public static void Check(string name)
    {
        if (name.Length is 0 or > MaxLength || name.Split('/').Any(part => part is "" or "." or "..") || !name.All(IsNameChar))
            throw new ArgumentException($"'{name}' is no object's name", nameof(name));
    }

    private static bool IsNameChar(char c) => char.IsAsciiLetterOrDigit(c) || c is '/' or '.' or '-';
}
