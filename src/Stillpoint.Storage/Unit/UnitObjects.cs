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

/// <summary>A pack that a session made durable, by key and version: in a bucket that locks, a later version of the key hides nothing.</summary>
/// <param name="Pack">Its id.</param>
/// <param name="Kind">What it holds.</param>
/// <param name="Length">Its bytes.</param>
/// <param name="Version">Which version of the key; empty where the volume has none.</param>
internal sealed record NamedPack(Guid Pack, PackKind Kind, long Length, string Version)
{
    public static NamedPack Read(ref ByteReader reader, string name)
    {
        var (pack, kind) = (reader.Id(), (PackKind)reader.U8());
        if (!Enum.IsDefined(kind)) throw Damage.Of(name, $"kind {(byte)kind} of a pack is unknown");
        return new NamedPack(pack, kind, reader.VarInt(), reader.Text());
    }
}

/// <summary>An image's object: the session that made it, its header, its sealed details, the packs that this session made durable.</summary>
internal sealed record ImageObject(Guid Session, ImageHeader Header, SealedBlob Details, IReadOnlyList<NamedPack> Packs)
{
    private const int LeastPack = 16 + 1 + 1 + 1, MaxPacks = 1 << 22;

    public byte[] Encode()
    {
        var writer = ObjectFrame.Begin(ObjectFrame.ImageMagic);
        writer.Id(Session);
        var header = ImageHeaderCodec.Encode(Header);
        writer.U32((uint)header.Length);
        writer.Raw(header);
        SealedCodec.Write(writer, Details);
        writer.VarInt(Packs.Count);
        foreach (var pack in Packs)
        {
            writer.Id(pack.Pack);
            writer.U8((byte)pack.Kind);
            writer.VarInt(pack.Length);
            writer.Text(pack.Version);
        }
        return ObjectFrame.End(writer);
    }

    public static ImageObject Decode(ReadOnlySpan<byte> bytes, string name)
    {
        var reader = new ByteReader(ObjectFrame.Content(bytes, ObjectFrame.ImageMagic, name), name);
        var session = reader.Id();
        var header = ImageHeaderCodec.Decode(reader.Take((int)Math.Min(reader.U32(), int.MaxValue)));
        var details = SealedCodec.ReadBlob(ref reader);
        var packs = new NamedPack[reader.Count(LeastPack, MaxPacks)];
        for (var i = 0; i < packs.Length; i++) packs[i] = NamedPack.Read(ref reader, name);
        reader.End();
        return UnitNames.Image(header.Id, session) == name
            ? new ImageObject(session, header, details, packs)
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
    /// <summary>A time and a span after it, or the end of all time.</summary>
    public static DateTimeOffset Later(DateTimeOffset time, TimeSpan span) =>
        DateTimeOffset.MaxValue - time > span ? time + span : DateTimeOffset.MaxValue;

    public static DateTimeOffset Of(long ticks, string name) =>
        ticks <= DateTime.MaxValue.Ticks ? new DateTimeOffset(ticks, TimeSpan.Zero) : throw Damage.Of(name, "its time is past the year 9999");
}
