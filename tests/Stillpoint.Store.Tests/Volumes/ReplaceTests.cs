using Stillpoint.Durable;

namespace Stillpoint.Store.Tests;

/// <summary>Small files that are replaced as a whole, by several at once and beside what the dead left.</summary>
public sealed class ReplaceTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("stillpoint-replace-").FullName;

    private string File => Path.Combine(_folder, "key");

    [Fact]
    public async Task Of_several_at_once_one_is_there_whole()
    {
        const int writers = 4, times = 20, size = 256 << 10;
        await Task.WhenAll(Enumerable.Range(1, writers).Select(writer => Task.Run(() =>
        {
            var bytes = new byte[size + writer];
            Array.Fill(bytes, (byte)writer);
            for (var i = 0; i < times; i++)
            {
                DurableFile.Replace(File, bytes);
                var found = System.IO.File.ReadAllBytes(File);
                Assert.Equal(size + found[0], found.Length);
                Assert.DoesNotContain(found, b => b != found[0]);
            }
        })));
        Assert.Equal([File], Directory.EnumerateFiles(_folder));
    }

    [Fact]
    public void What_the_dead_left_goes_and_nothing_else()
    {
        string[] dead = ["key.new", "key.0123456789abcdef.new"];
        string[] others = ["key.mine.new", "key.0123456789abcdef", "other.0123456789abcdef.new", "key2.0123456789abcdef.new", "key.fedcba9876543210.new"];
        foreach (var name in dead.Concat(others))
        {
            System.IO.File.WriteAllText(Path.Combine(_folder, name), name);
            System.IO.File.SetLastWriteTimeUtc(Path.Combine(_folder, name), System.IO.File.GetLastWriteTimeUtc(Path.Combine(_folder, name)).AddHours(-2));
        }
        // One that is on its way just now.
        System.IO.File.SetLastWriteTimeUtc(Path.Combine(_folder, others[^1]), System.IO.File.GetLastWriteTimeUtc(Path.Combine(_folder, others[^1])).AddHours(2));
        DurableFile.Replace(File, "bytes"u8);
        Assert.Equal(others.Append("key").Order(), Directory.EnumerateFiles(_folder).Select(p => Path.GetFileName(p)!).Order());
        Assert.Equal("bytes", System.IO.File.ReadAllText(File));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
