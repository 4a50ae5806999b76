using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>How a session ended.</summary>
internal enum EndState : byte
{
    /// <summary>Its image exists.</summary>
    Committed = 1,

    /// <summary>Another declared it dead; it can never commit.</summary>
    Fenced = 2,

    /// <summary>It was given up by its owner.</summary>
    Abandoned = 3,
}

/// <summary>The end of a session.</summary>
/// <param name="ImageDigest">SHA-256 of the image object, for a commit; zeros else.</param>
internal sealed record SessionEnd(Guid Session, EndState State, Guid Image, ReadOnlyMemory<byte> ImageDigest, DateTimeOffset Written)
{
    public const int DigestSize = 32;

    public byte[] Encode()
    {
        var writer = ObjectFrame.Begin(ObjectFrame.EndMagic);
        writer.Id(Session);
        writer.U8((byte)State);
        writer.Id(Image);
        writer.Raw(ImageDigest.Span);
        writer.I64(Written.UtcTicks);
        return ObjectFrame.End(writer);
    }

    public static SessionEnd Decode(ReadOnlySpan<byte> bytes, string name)
    {
        var reader = new ByteReader(ObjectFrame.Content(bytes, ObjectFrame.EndMagic, name), name);
        var session = reader.Id();
        var state = (EndState)reader.U8();
        if (!Enum.IsDefined(state)) throw Damage.Of(name, $"state {(byte)state} is unknown");
        var end = new SessionEnd(session, state, reader.Id(), reader.Take(DigestSize).ToArray(), UnitTime.Of(reader.I64(), name));
        reader.End();
        return UnitNames.End(session) == name ? end : throw Damage.Of(name, $"it is the end of session {session:N}");
    }

    public static SessionEnd Without(Guid session, EndState state, DateTimeOffset now) => new(session, state, Guid.Empty, new byte[DigestSize], now);
}

/// <summary>An image's object: the session that made it, its header, its sealed details.</summary>
internal sealed record ImageObject(Guid Session, ImageHeader Header, SealedBlob Details)
{
    public byte[] Encode()
    {
        var writer = ObjectFrame.Begin(ObjectFrame.ImageMagic);
        writer.Id(Session);
        var header = ImageHeaderCodec.Encode(Header);
        writer.U32((uint)header.Length);
        writer.Raw(header);
        SealedCodec.Write(writer, Details);
        return ObjectFrame.End(writer);
    }

    public static ImageObject Decode(ReadOnlySpan<byte> bytes, string name)
    {
        var reader = new ByteReader(ObjectFrame.Content(bytes, ObjectFrame.ImageMagic, name), name);
        var session = reader.Id();
        var header = ImageHeaderCodec.Decode(reader.Take((int)Math.Min(reader.U32(), int.MaxValue)));
        var details = SealedCodec.ReadBlob(ref reader);
        reader.End();
        return UnitNames.Image(header.Id, session) == name
            ? new ImageObject(session, header, details)
            : throw Damage.Of(name, $"it holds image {header.Id:N} of session {session:N}");
    }
}

/// <summary>A note's object.</summary>
internal sealed record NoteObject(Guid Image, Guid Id, ImageNote Note)
{
    public string Name => UnitNames.Note(Image, Note.Written, Note.Kind, Id);

    public byte[] Encode()
    {
        var writer = ObjectFrame.Begin(ObjectFrame.NoteMagic);
        writer.Id(Image);
        writer.Id(Id);
        writer.U8((byte)Note.Kind);
        writer.I64(Note.Written.UtcTicks);
        SealedCodec.Write(writer, Note.Payload);
        return ObjectFrame.End(writer);
    }

    public static NoteObject Decode(ReadOnlySpan<byte> bytes, string name)
    {
        var reader = new ByteReader(ObjectFrame.Content(bytes, ObjectFrame.NoteMagic, name), name);
        Guid image = reader.Id(), id = reader.Id();
        var kind = reader.Enum<NoteKind>();
        var note = new NoteObject(image, id, new ImageNote(kind, UnitTime.Of(reader.I64(), name), SealedCodec.ReadBlob(ref reader)));
        reader.End();
        return note.Name == name ? note : throw Damage.Of(name, $"it is note {note.Name}");
    }
}

/// <summary>Times in objects: ticks of 100 ns since the year 1, UTC.</summary>
internal static class UnitTime
{
    public static DateTimeOffset Of(long ticks, string name) =>
        ticks <= DateTime.MaxValue.Ticks ? new DateTimeOffset(ticks, TimeSpan.Zero) : throw Damage.Of(name, "its time is past the year 9999");
}
