using System.Security.Cryptography;

namespace Stillpoint.EndToEnd.Tests;

/// <summary>The files of a storage unit that images stand on, by name and hash. A unit only ever gains files: what was there stays as it was.</summary>
internal sealed class UnitFiles
{
    private static readonly string[] s_folders = ["images", "ends", "notes", "packs"];
    private readonly Dictionary<string, string> _hashes = [];

    /// <summary>Reads them all.</summary>
    /// <param name="unit">The unit's folder.</param>
    public UnitFiles(string unit)
    {
        foreach (var file in s_folders.Select(f => Path.Combine(unit, f)).Where(Directory.Exists)
            .SelectMany(f => Directory.EnumerateFiles(f, "*", SearchOption.AllDirectories)))
            _hashes[Path.GetRelativePath(unit, file)] = Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)));
    }

    /// <summary>Names of those that are gone or are not what they were.</summary>
    public IReadOnlyList<string> LostIn(UnitFiles later) =>
        [.. _hashes.Where(f => later._hashes.GetValueOrDefault(f.Key) != f.Value).Select(f => f.Key)];
}
