using System.IO.Compression;
using Stillpoint.Chunks;

namespace Stillpoint.Store.Tests;

/// <summary>The objects of the golden unit, by name, and its keys.</summary>
internal sealed class GoldenObjects
{
    private GoldenObjects(Dictionary<string, byte[]> all)
    {
        All = all;
        var master = new byte[32];
        new Random(42).NextBytes(master);
        Keys = new DomainKeys(master);
    }

    public IReadOnlyDictionary<string, byte[]> All { get; }

    public DomainKeys Keys { get; }

    public IEnumerable<(string Name, byte[] Bytes)> Under(string prefix) =>
        All.Where(o => o.Key.StartsWith(prefix, StringComparison.Ordinal)).OrderBy(o => o.Key, StringComparer.Ordinal).Select(o => (o.Key, o.Value));

    public static GoldenObjects Load()
    {
        using var zip = ZipFile.OpenRead(Path.Combine(AppContext.BaseDirectory, "unit-1.zip"));
        var all = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var entry in zip.Entries.Where(e => !e.FullName.EndsWith('/')))
        {
            using var from = entry.Open();
            using var bytes = new MemoryStream();
            from.CopyTo(bytes);
            all.Add(entry.FullName, bytes.ToArray());
        }
        return new GoldenObjects(all);
    }
}
