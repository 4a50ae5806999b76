using System.Security.Cryptography;

namespace Stillpoint.EndToEnd.Tests;

/// <summary>A disk of a user's own, made by qemu-img: about a third data in places that are not aligned to any chunk, the rest empty.</summary>
internal sealed record GivenDisk(string Path, string Format, string Hash)
{
    private const int Piece = 300 * 1024 + 512;

    /// <summary>Why it cannot be made here; null when it can.</summary>
    public static string? Missing => Programs.Has("qemu-img") ? null : "qemu-img is not installed (Debian package qemu-utils)";

    /// <summary>Makes it.</summary>
    /// <param name="folder">Where.</param>
    /// <param name="name">File name with its ending.</param>
    /// <param name="format">qemu-img's name of the format: raw, vpc or vhdx.</param>
    /// <param name="size">Bytes; whole MiB.</param>
    /// <param name="seed">Of its content.</param>
    public static async Task<GivenDisk> MakeAsync(string folder, string name, string format, long size, int seed)
    {
        Directory.CreateDirectory(folder);
        var path = System.IO.Path.Combine(folder, name);
        var raw = format == "raw" ? path : path + ".content";
        await CommandLine.MustAsync("qemu-img", "create", "-q", "-f", "raw", raw, $"{size}");
        Fill(raw, size, seed);
        // force_size: a VHD's geometry would otherwise round the size.
        string[] options = format switch { "vpc" => ["-o", "subformat=dynamic,force_size=on"], "vhdx" => ["-o", "subformat=dynamic"], _ => [] };
        if (format != "raw")
        {
            await CommandLine.MustAsync("qemu-img", ["convert", "-f", "raw", "-O", format, .. options, raw, path]);
            File.Delete(raw);
        }
        return new GivenDisk(path, format, HashOf(path));
    }

    /// <summary>qemu-img must find the same content in another file.</summary>
    public async Task AssertSameAsync(string other, string otherFormat)
    {
        var said = await CommandLine.RunAsync("qemu-img", "compare", "-f", Format, "-F", otherFormat, Path, other);
        Assert.True(said.ExitCode == 0 && said.Out.Contains("Images are identical", StringComparison.Ordinal),
            $"{Path} ({Format}) and {other} ({otherFormat}): {said.All}");
    }

    /// <summary>Nobody wrote to it.</summary>
    public void AssertUntouched() => Assert.Equal(Hash, HashOf(Path));

    private static void Fill(string path, long size, int seed)
    {
        var random = new Random(seed);
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Write);
        var buffer = new byte[Piece];
        // The second half stays empty, so that a guest finds room that holds nobody's data.
        for (var at = 0L; at + Piece <= size / 2; at += Piece + random.Next(1, 1024) * 512)
        {
            random.NextBytes(buffer);
            RandomAccess.Write(file, buffer, at);
        }
        random.NextBytes(buffer.AsSpan(0, 4096));
        RandomAccess.Write(file, buffer.AsSpan(0, 4096), size - 4096);
    }

    private static string HashOf(string path)
    {
        using var file = File.OpenRead(path);
        return Convert.ToHexString(SHA256.HashData(file));
    }
}
