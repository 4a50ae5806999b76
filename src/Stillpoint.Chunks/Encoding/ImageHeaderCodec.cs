using Stillpoint.Model;

namespace Stillpoint.Chunks;

/// <summary>The open part of an image in bytes. docs/FORMAT.md, "Image header".</summary>
public static class ImageHeaderCodec
{
    /// <summary>Most streams of an image.</summary>
    public const int MaxStreams = 1024;

    /// <summary>The bytes.</summary>
    public static byte[] Encode(ImageHeader header)
    {
        ArgumentNullException.ThrowIfNull(header);
        var writer = new ByteWriter();
        writer.Id(header.Id);
        writer.Id(header.Domain);
        writer.Id(header.VmId);
        writer.Id(header.JobId);
        writer.I64(header.Created.UtcTicks);
        writer.U8((byte)header.Type);
        writer.U8((byte)header.Consistency);
        writer.OptionalId(header.BaseImageId);
        writer.VarInt(header.Streams.Count);
        foreach (var stream in header.Streams)
        {
            writer.U8((byte)stream.Kind);
            writer.VarInt(stream.Length);
            writer.Node(stream.Root);
            writer.VarInt(stream.BytesChanged);
            writer.VarInt(stream.BytesRead);
            writer.VarInt(stream.BytesAudited);
            writer.VarInt(stream.BytesSent);
            writer.VarInt(stream.BytesWire);
            writer.VarInt(stream.BytesStored);
        }
        return writer.ToArray();
    }

    /// <summary>The header in <paramref name="bytes"/>.</summary>
    /// <exception cref="TroubleException">They are not a header's.</exception>
    public static ImageHeader Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new ByteReader(bytes, "an image header");
        Guid id = reader.Id(), domain = reader.Id(), vm = reader.Id(), job = reader.Id();
        var created = Instant(reader.I64());
        var type = reader.Enum<ImageType>();
        var consistency = reader.Enum<Consistency>();
        var baseImage = reader.OptionalId();
        var streams = new StreamHeader[reader.Count(40, MaxStreams)];
        for (var i = 0; i < streams.Length; i++)
        {
            streams[i] = new StreamHeader(
                reader.Enum<StreamKind>(), reader.VarInt(), reader.Node(), reader.VarInt(), reader.VarInt(), reader.VarInt(), reader.VarInt(),
                reader.VarInt(), reader.VarInt());
            if (streams[i].Length > StoreFormat.MaxStreamLength) throw Damage.Of("an image header", $"a stream claims {streams[i].Length} bytes");
            if (i > 0 && streams[i].Kind < streams[i - 1].Kind) throw Damage.Of("an image header", "a disk follows a file");
        }
        reader.End();
        return new ImageHeader(id, domain, vm, job, created, type, consistency, baseImage, streams);
    }

    internal static DateTimeOffset Instant(long ticks) =>
        ticks <= DateTime.MaxValue.Ticks ? new DateTimeOffset(ticks, TimeSpan.Zero) : throw Damage.Of("an image header", "its time is past the year 9999");
}
