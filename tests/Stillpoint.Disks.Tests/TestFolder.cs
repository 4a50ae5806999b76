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
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
