using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Stillpoint.Model;

namespace Stillpoint.HyperV;

/// <summary>Paths as a Hyper-V host writes them. They come from hosts and images, so they are checked before they reach a file system.</summary>
internal static class HostPath
{
    private const int Longest = 32_767;
    private static readonly SearchValues<char> NotInNames = SearchValues.Create(":*?\"<>|");

    /// <summary>The path with backslashes, without <c>\\?\</c> in front and without one at the end; false when it is not a whole path of a drive
    /// or a share, or holds <c>.</c>, <c>..</c>, a stream or a character that no file name has.</summary>
    public static bool TryNormalize(string path, [NotNullWhen(true)] out string? normal)
    {
        normal = null;
        if (path.Length is 0 or > Longest) return false;
        var text = path.Replace('/', '\\');
        if (text.StartsWith(@"\\?\UNC\", StringComparison.OrdinalIgnoreCase)) text = @"\\" + text[8..];
        else if (text.StartsWith(@"\\?\", StringComparison.Ordinal)) text = text[4..];
        var isDrive = text.Length >= 2 && char.IsAsciiLetter(text[0]) && text[1] == ':' && (text.Length == 2 || text[2] == '\\');
        var isShare = text.StartsWith(@"\\", StringComparison.Ordinal) && text.Length > 2 && text[2] is not ('\\' or '.' or '?');
        if (!isDrive && !isShare) return false;
        var parts = text[2..].Split('\\', StringSplitOptions.RemoveEmptyEntries);
        if (isShare && parts.Length < 2) return false;
        if (!parts.All(IsName)) return false;
        normal = text[..2] + (isDrive ? "\\" : "") + string.Join('\\', parts);
        return true;
    }

    /// <exception cref="TroubleException">See <see cref="TryNormalize"/>.</exception>
    public static string Normalize(string path) => TryNormalize(path, out var normal) ? normal
        : throw new TroubleException(path, "is not a whole path on a Hyper-V host.",
            "Look at the VM's settings: disks and folders need paths such as C:\\VMs\\disk.vhdx.");

    /// <summary>The path that <paramref name="relative"/> names from the folder of <paramref name="file"/>; null when it leads out of its
    /// drive or share, or is not relative.</summary>
    public static string? Beside(string file, string relative)
    {
        if (!TryNormalize(file, out var whole) || relative.Length > Longest) return null;
        var text = relative.Replace('/', '\\');
        if (text.StartsWith('\\')) return null;
        var floor = whole.StartsWith(@"\\", StringComparison.Ordinal) ? 2 : 1;
        var parts = whole.TrimStart('\\').Split('\\').SkipLast(1).ToList();
        foreach (var part in text.Split('\\', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == ".") continue;
            if (part != "..") parts.Add(part);
            else if (parts.Count > floor) parts.RemoveAt(parts.Count - 1);
            else return null;
        }
        var prefix = floor == 2 ? @"\\" : "";
        return TryNormalize(prefix + string.Join('\\', parts), out var path) ? path : null;
    }

    private static bool IsName(string part) =>
        part is not ("." or "..") && !part.AsSpan().ContainsAny(NotInNames) && !part.Any(char.IsControl);
}
