using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>A whole pack of a unit.</summary>
/// <param name="Name">Its object's name.</param>
/// <param name="Length">Its bytes.</param>
/// <param name="Header">Its header.</param>
internal sealed record PackFile(string Name, long Length, PackHeader Header)
{
    private const int TailBytes = 128 << 10;

    /// <summary>Reads header and trailer; a trailer that is missing or damaged is made anew from a scan of the records.</summary>
    public static async Task<(PackFile Pack, PackEntry[] Entries, bool TrailerSound)> LoadAsync(
        IVolume volume, VolumeEntry entry, Guid unit, CancellationToken cancel)
    {
        var head = new byte[PackFormat.HeaderSize];
        var got = await volume.ReadAsync(entry.Name, 0, head, cancel);
        var header = PackFormat.ReadHeader(head.AsSpan(0, got), entry.Name);
        if (header.Unit != unit) throw Damage.Of($"pack {entry.Name}", $"it belongs to storage unit {header.Unit}");
        if (UnitNames.Pack(header) != entry.Name) throw Damage.Of($"pack {entry.Name}", $"its header says that it is {UnitNames.Pack(header)}");
        var pack = new PackFile(entry.Name, entry.Length, header);
        return await pack.TrailerAsync(volume, cancel) is { } entries
            ? (pack, entries, true)
            : (pack, await pack.ScanAsync(volume, cancel), false);
    }

    private async Task<PackEntry[]?> TrailerAsync(IVolume volume, CancellationToken cancel)
    {
        var tail = new byte[Math.Min(TailBytes, Length - PackFormat.HeaderSize)];
        if (tail.Length < PackFormat.FooterSize || await volume.ReadAsync(Name, Length - tail.Length, tail, cancel) != tail.Length) return null;
        if (PackFormat.ReadFooter(tail.AsSpan(tail.Length - PackFormat.FooterSize), Length) is not { } footer) return null;
        var size = checked((int)(Length - footer.Offset));
        if (size > tail.Length)
        {
            tail = new byte[size];
            if (await volume.ReadAsync(Name, footer.Offset, tail, cancel) != size) return null;
        }
        return PackFormat.ReadTrailer(tail.AsSpan(tail.Length - size), footer.Offset, footer.Count);
    }

    private async Task<PackEntry[]> ScanAsync(IVolume volume, CancellationToken cancel)
    {
        var entries = new List<PackEntry>();
        await PackScan.RunAsync(
            volume, Name, Length,
            (header, offset, _) => entries.Add(new PackEntry(header.Id, offset, header.StoredLength)),
            cancel);
        return [.. entries];
    }
}
