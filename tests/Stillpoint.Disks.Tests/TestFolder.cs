using System.Runtime.InteropServices;

namespace Stillpoint.Disks.Tests;

/// <summary>A folder of its own for a test, gone at the end; and ids that come in the same order in every run.</summary>
public sealed class TestFolder : IDisposable
{
    private readonly Random _ids = new(20260501);

    public string Path { get; } = Directory.CreateTempSubdirectory("stillpoint-disks-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public Guid NewId()
    {
        var bytes = new byte[16];
        lock (_ids) _ids.NextBytes(bytes);
        return new Guid(bytes);
    }

    public static byte[] Noise(int seed, int length)
    {
        var bytes = new byte[length];
        Noise((ulong)seed, bytes);
        return bytes;
    }

    /// <summary>SplitMix64: a seeded <see cref="Random"/> makes bytes one at a time, and histories need many.</summary>
    private static void Noise(ulong state, Span<byte> bytes)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        unchecked
        {
            state *= 0xD1342543DE82EF95;
            for (var i = 0; i <= words.Length; i++)
            {
                state += 0x9E3779B97F4A7C15;
                var z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9;
                z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
                z ^= z >> 31;
                if (i < words.Length) words[i] = z;
                else MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>(in z))[..(bytes.Length % 8)].CopyTo(bytes[(words.Length * 8)..]);
            }
        }
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
