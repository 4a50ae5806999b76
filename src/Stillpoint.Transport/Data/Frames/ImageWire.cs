using Stillpoint.Chunks;

namespace Stillpoint.Transport;

/// <summary>Bodies of the frames that carry images, commits and notes, from the pieces of the storage unit's own encoding.</summary>
internal static class ImageWire
{
    private const int MaxNotes = 4096;

    internal static byte[] WriteCommit(ImageHeader header, SealedBlob details, SentTotals sent)
    {
        ArgumentNullException.ThrowIfNull(sent);
        var writer = new ByteWriter();
        writer.I64(sent.Records);
        writer.I64(sent.RecordBytes);
        writer.VarInt(sent.Checksum.Length);
        writer.Raw(sent.Checksum);
        WriteHeader(writer, header);
        SealedCodec.Write(writer, details);
        return writer.ToArray();
    }

    internal static (ImageHeader Header, SealedBlob Details, SentTotals Sent) ReadCommit(ReadOnlySpan<byte> body)
    {
        var reader = new ByteReader(body, "a commit");
        var (records, bytes) = (reader.I64(), reader.I64());
        var sent = new SentTotals(records, bytes, reader.Take(reader.Count(1, 64)).ToArray());
        var header = ReadHeader(ref reader);
        var details = SealedCodec.ReadBlob(ref reader);
        reader.End();
        return (header, details, sent);
    }

    internal static byte[] WriteNote(Guid imageId, NoteKind kind, SealedBlob payload)
    {
        var writer = new ByteWriter();
        writer.Id(imageId);
        writer.U8((byte)kind);
        SealedCodec.Write(writer, payload);
        return writer.ToArray();
    }

    internal static (Guid ImageId, NoteKind Kind, SealedBlob Payload) ReadNote(ReadOnlySpan<byte> body)
    {
        var reader = new ByteReader(body, "a note");
        var (image, kind) = (reader.Id(), reader.Enum<NoteKind>());
        var payload = SealedCodec.ReadBlob(ref reader);
        reader.End();
        return (image, kind, payload);
    }

    internal static byte[] WriteImage(StoredImage image)
    {
        var writer = new ByteWriter();
        WriteHeader(writer, image.Header);
        SealedCodec.Write(writer, image.Details);
        writer.VarInt(image.Notes.Count);
        foreach (var note in image.Notes)
        {
            writer.U8((byte)note.Kind);
            writer.I64(note.Written.UtcTicks);
            SealedCodec.Write(writer, note.Payload);
        }
        return writer.ToArray();
    }

    internal static StoredImage ReadImage(ReadOnlySpan<byte> body)
    {
        var reader = new ByteReader(body, "an image");
        var header = ReadHeader(ref reader);
        var details = SealedCodec.ReadBlob(ref reader);
        var notes = new ImageNote[reader.Count(40, MaxNotes)];
        for (var i = 0; i < notes.Length; i++)
        {
            var kind = reader.Enum<NoteKind>();
            var ticks = reader.I64();
            if (ticks > DateTime.MaxValue.Ticks) throw Damage.Of("an image", "a note's time is past the year 9999");
            notes[i] = new ImageNote(kind, new DateTimeOffset(ticks, TimeSpan.Zero), SealedCodec.ReadBlob(ref reader));
        }
        reader.End();
        return new StoredImage(header, details, notes);
    }

    private static void WriteHeader(ByteWriter writer, ImageHeader header)
    {
        var bytes = ImageHeaderCodec.Encode(header);
        writer.U32((uint)bytes.Length);
        writer.Raw(bytes);
    }

    private static ImageHeader ReadHeader(ref ByteReader reader)
    {
        var length = reader.U32();
        if (length > (uint)reader.Remaining) throw Damage.Of("an image header", $"it claims {length} bytes");
        return ImageHeaderCodec.Decode(reader.Take((int)length));
    }
}
