using System.Globalization;
using Stillpoint.Extents;

namespace Stillpoint.Cli;

/// <summary>A list of changed ranges: decimal bytes, one <c>offset length</c> a line, in any order, overlaps allowed, <c>#</c> comments.</summary>
internal static class ChangedFile
{
    /// <summary>The ranges in a file.</summary>
    /// <exception cref="CommandFailedException">A line is no range, or ends past <paramref name="diskLength"/>.</exception>
    public static ExtentSet Read(string path, long diskLength)
    {
        if (!File.Exists(path)) throw new CommandFailedException(ExitCodes.NotFound, $"there is no file {path}.");
        var runs = new List<Extent>();
        var number = 0;
        foreach (var line in File.ReadLines(path))
        {
            number++;
            var text = line.AsSpan();
            if (text.IndexOf('#') is >= 0 and var comment) text = text[..comment];
            text = text.Trim();
            if (!text.IsEmpty) runs.Add(Parse(path, number, text, diskLength));
        }
        return ExtentSet.Of(runs);
    }

    private static Extent Parse(string path, int line, ReadOnlySpan<char> text, long diskLength)
    {
        var gap = text.IndexOfAny(' ', '\t');
        if (gap < 0 || !Number(text[..gap], out var offset) || !Number(text[gap..].Trim(), out var length))
            throw new CommandFailedException(ExitCodes.Failed, $"{path} line {line}: '{text}' is no range.", "write two decimal numbers of bytes: offset length");
        return offset <= diskLength && length <= diskLength - offset
            ? new Extent(offset, length)
            : throw new CommandFailedException(ExitCodes.Failed, $"{path} line {line}: the range ends past the disk's {diskLength} bytes.", "give the change list of this disk");
    }

    private static bool Number(ReadOnlySpan<char> text, out long value) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}
