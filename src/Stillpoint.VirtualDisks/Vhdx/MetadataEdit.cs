namespace Stillpoint.VirtualDisks;

/// <summary>Changes to metadata that must come together: gathers the pages that they touch.</summary>
internal sealed class MetadataEdit(IDiskFile file)
{
    private readonly SortedDictionary<long, byte[]> _pages = [];

    internal IReadOnlyList<(long Offset, byte[] Page)> Pages => [.. _pages.Select(p => (p.Key, p.Value))];

    internal void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            var within = (int)(offset % VhdxLayout.Page);
            var n = Math.Min(VhdxLayout.Page - within, bytes.Length);
            if (!_pages.TryGetValue(offset - within, out var page))
            {
                _pages[offset - within] = page = new byte[VhdxLayout.Page];
                file.Read(offset - within, page);
            }
            bytes[..n].CopyTo(page.AsSpan(within));
            offset += n;
            bytes = bytes[n..];
        }
    }
}
