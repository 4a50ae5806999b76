using System.Security.Cryptography;
using Stillpoint.Model;

namespace Stillpoint.Chunks;

/// <summary>Payloads of notes: what they say, sealed in the context of the image they belong to and their kind.</summary>
public static class NoteCodec
{
    /// <summary>Seals the payload of a base note.</summary>
    public static SealedBlob Seal(DomainKeys keys, Guid imageId, BaseNote note, RandomNumberGenerator random)
    {
        ArgumentNullException.ThrowIfNull(note);
        var writer = new ByteWriter();
        writer.Text(note.ReferencePointId);
        writer.VarInt(note.Disks.Count);
        foreach (var disk in note.Disks)
        {
            writer.Text(disk.SettingId);
            writer.OptionalText(disk.TrackingId);
        }
        return Seal(keys, imageId, NoteKind.Base, writer.Written, random);
    }

    /// <summary>Seals the payload of a verified note.</summary>
    public static SealedBlob Seal(DomainKeys keys, Guid imageId, VerifyResult result, RandomNumberGenerator random)
    {
        ArgumentNullException.ThrowIfNull(result);
        var writer = new ByteWriter();
        writer.I64(result.At.UtcTicks);
        writer.Text(result.Result);
        writer.U8((byte)result.Kind);
        return Seal(keys, imageId, NoteKind.Verified, writer.Written, random);
    }

    /// <summary>Seals a note that says no more than its kind, or a reason for people.</summary>
    public static SealedBlob SealText(DomainKeys keys, Guid imageId, NoteKind kind, string text, RandomNumberGenerator random)
    {
        var writer = new ByteWriter();
        writer.Text(text);
        return Seal(keys, imageId, kind, writer.Written, random);
    }

    /// <summary>The payload of a base note.</summary>
    /// <exception cref="TroubleException">The key is another's, or the note was altered or moved.</exception>
    public static BaseNote OpenBase(DomainKeys keys, Guid imageId, ImageNote note)
    {
        var reader = new ByteReader(Open(keys, imageId, NoteKind.Base, note), "a base note");
        var reference = reader.Text();
        var disks = new BaseNoteDisk[reader.Count(2, ImageHeaderCodec.MaxStreams)];
        for (var i = 0; i < disks.Length; i++) disks[i] = new BaseNoteDisk(reader.Text(), reader.OptionalText());
        reader.End();
        return new BaseNote(reference, disks);
    }

    /// <summary>The payload of a verified note.</summary>
    /// <exception cref="TroubleException">The key is another's, or the note was altered or moved.</exception>
    public static VerifyResult OpenVerified(DomainKeys keys, Guid imageId, ImageNote note)
    {
        var reader = new ByteReader(Open(keys, imageId, NoteKind.Verified, note), "a verified note");
        var result = new VerifyResult(ImageHeaderCodec.Instant(reader.I64()), reader.Text(), reader.Enum<VerifyKind>());
        reader.End();
        return result;
    }

    /// <summary>The text of a note sealed by <see cref="SealText"/>, or written in the open.</summary>
    public static string OpenText(DomainKeys keys, Guid imageId, ImageNote note)
    {
        ArgumentNullException.ThrowIfNull(note);
        if (note.Payload.IsOpen) return note.Payload.OpenText();
        var reader = new ByteReader(Open(keys, imageId, note.Kind, note), "a note");
        var text = reader.Text();
        reader.End();
        return text;
    }

    private static SealedBlob Seal(DomainKeys keys, Guid imageId, NoteKind kind, ReadOnlySpan<byte> plain, RandomNumberGenerator random)
    {
        ArgumentNullException.ThrowIfNull(keys);
        return keys.Seal(SealedKind.Note, Context(imageId, kind), plain, random);
    }

    private static byte[] Open(DomainKeys keys, Guid imageId, NoteKind kind, ImageNote note)
    {
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentNullException.ThrowIfNull(note);
        if (note.Kind != kind) throw new ArgumentException($"a note of kind {note.Kind} where {kind} is due", nameof(note));
        return keys.Open(SealedKind.Note, Context(imageId, kind), note.Payload);
    }

    private static byte[] Context(Guid imageId, NoteKind kind)
    {
        var writer = new ByteWriter();
        writer.Id(imageId);
        writer.U8((byte)kind);
        return writer.ToArray();
    }
}
