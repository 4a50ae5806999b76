using System.Security.Cryptography;
using Stillpoint.Extents;
using Stillpoint.Model;

namespace Stillpoint.Chunks;

/// <summary>
/// The sealed part of an image. It is sealed in the context of the encoded header, which names the roots of the trees; so whoever holds
/// the key sees when a header, a root or any node below was exchanged.
/// </summary>
public static class ImageDetailsCodec
{
    private const int MaxRuns = 1 << 24;

    /// <summary>Seals the details of the image whose header is given.</summary>
    public static SealedBlob Seal(DomainKeys keys, ImageHeader header, ImageDetails details, RandomNumberGenerator random)
    {
        ArgumentNullException.ThrowIfNull(keys);
        return keys.Seal(SealedKind.Details, ImageHeaderCodec.Encode(header), Encode(details), random);
    }

    /// <summary>Opens the details of a stored image.</summary>
    /// <exception cref="TroubleException">The key is another domain's, or header or details were altered.</exception>
    public static ImageDetails Open(DomainKeys keys, StoredImage image)
    {
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentNullException.ThrowIfNull(image);
        var details = Decode(keys.Open(SealedKind.Details, ImageHeaderCodec.Encode(image.Header), image.Details));
        if (details.Disks.Count + details.Files.Count != image.Header.Streams.Count) throw Damage.Of("details of an image", "they name other streams than the header");
        return details;
    }

    internal static byte[] Encode(ImageDetails details)
    {
        var writer = new ByteWriter();
        writer.Text(details.VmName);
        writer.U8(details.Method is { } method ? (byte)(1 + (int)method) : (byte)0);
        writer.OptionalText(details.Host);
        writer.OptionalText(details.CheckpointId);
        writer.OptionalText(details.LastAppliedSnapshot);
        writer.VarInt(details.Disks.Count);
        foreach (var disk in details.Disks) Encode(writer, disk);
        writer.VarInt(details.Files.Count);
        foreach (var file in details.Files)
        {
            writer.Text(file.Name);
            writer.Text(file.Role);
        }
        return writer.ToArray();
    }

    internal static ImageDetails Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new ByteReader(bytes, "details of an image");
        var name = reader.Text();
        BackupMethod? method = reader.U8() switch
        {
            0 => null,
            1 => BackupMethod.Wmi,
            2 => BackupMethod.Vss,
            var other => throw Damage.Of("details of an image", $"method {other} is unknown"),
        };
        string? host = reader.OptionalText(), checkpoint = reader.OptionalText(), applied = reader.OptionalText();
        var disks = new DiskDetails[reader.Count(8, ImageHeaderCodec.MaxStreams)];
        for (var i = 0; i < disks.Length; i++) disks[i] = DecodeDisk(ref reader);
        var files = new FileDetails[reader.Count(2, ImageHeaderCodec.MaxStreams)];
        for (var i = 0; i < files.Length; i++) files[i] = new FileDetails(reader.Text(), reader.Text());
        reader.End();
        return new ImageDetails(name, method, host, checkpoint, applied, disks, files);
    }

    private static void Encode(ByteWriter writer, DiskDetails disk)
    {
        writer.Text(disk.Name);
        writer.OptionalText(disk.HostPath);
        writer.OptionalText(disk.SettingId);
        writer.OptionalId(disk.VirtualDiskId);
        writer.VarInt(disk.ChainWriteIds.Count);
        foreach (var id in disk.ChainWriteIds) writer.Id(id);
        writer.VarInt(disk.LogicalSectorSize);
        // Gap and length of each run: small numbers, so mostly two or three bytes each.
        writer.VarInt(disk.Read.Count);
        var end = 0L;
        foreach (var run in disk.Read)
        {
            writer.VarInt(run.Offset - end);
            writer.VarInt(run.Length);
            end = run.End;
        }
        writer.OptionalText(disk.FullReason);
    }

    private static DiskDetails DecodeDisk(ref ByteReader reader)
    {
        string name = reader.Text();
        string? path = reader.OptionalText(), setting = reader.OptionalText();
        var virtualDisk = reader.OptionalId();
        var chain = new Guid[reader.Count(16, 1024)];
        for (var i = 0; i < chain.Length; i++) chain[i] = reader.Id();
        var sector = reader.VarInt();
        if (sector is not (512 or 4096)) throw Damage.Of("details of an image", $"a sector of {sector} bytes");
        var runs = new ExtentSetBuilder();
        var end = 0L;
        for (var left = reader.Count(2, MaxRuns); left > 0; left--)
        {
            long gap = reader.VarInt(), length = reader.VarInt();
            if (gap > StoreFormat.MaxStreamLength || length > StoreFormat.MaxStreamLength || end > StoreFormat.MaxStreamLength)
                throw Damage.Of("details of an image", "a range lies past the largest disk");
            var run = new Extent(end + gap, length);
            runs.Add(run);
            end = run.End;
        }
        return new DiskDetails(name, path, setting, virtualDisk, chain, (int)sector, runs.Build(), reader.OptionalText());
    }
}
