using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>What an entry of an image's keeping says.</summary>
public enum KeepingKind
{
    /// <summary>Not to be given up until it is released.</summary>
    Held,

    /// <summary>The hold is over.</summary>
    Released,

    /// <summary>Not to be given up before a date.</summary>
    Locked,

    /// <summary>The image is given up: readers leave it out, and a collect may delete what only it needs. Nothing follows this.</summary>
    Expired,
}

/// <summary>
/// One entry of an image's keeping: <c>keeping/IMAGE.NUMBER</c>. The entries of an image are numbered without gaps and each is made by
/// exclusive create, so of a hold and an expiry at the same moment one comes second, sees the first, and is refused.
/// </summary>
/// <param name="Image">The image.</param>
/// <param name="Number">Counted from 1.</param>
/// <param name="Kind">What it says.</param>
/// <param name="Written">When, by the host's clock.</param>
/// <param name="Until">End of a lock.</param>
/// <param name="Reason">Why, for people; sealed as a note's text.</param>
internal sealed record KeepingEntry(Guid Image, int Number, KeepingKind Kind, DateTimeOffset Written, DateTimeOffset? Until, SealedBlob? Reason)
{
    public string Name => UnitNames.Keeping(Image, Number);

    public byte[] Encode()
    {
        var writer = ObjectFrame.Begin(ObjectFrame.KeepingMagic);
        writer.Id(Image);
        writer.U32((uint)Number);
        writer.U8((byte)Kind);
        writer.I64(Written.UtcTicks);
        if (Kind == KeepingKind.Locked) writer.I64(Until!.Value.UtcTicks);
        writer.U8(Reason is null ? (byte)0 : (byte)1);
        if (Reason is not null) SealedCodec.Write(writer, Reason);
        return ObjectFrame.End(writer);
    }

    public static KeepingEntry Decode(ReadOnlySpan<byte> bytes, string name)
    {
        var reader = new ByteReader(ObjectFrame.Content(bytes, ObjectFrame.KeepingMagic, name), name);
        var image = reader.Id();
        var number = reader.U32();
        var kind = reader.Enum<KeepingKind>();
        var written = UnitTime.Of(reader.I64(), name);
        DateTimeOffset? until = kind == KeepingKind.Locked ? UnitTime.Of(reader.I64(), name) : null;
        var reason = reader.Flag() ? SealedCodec.ReadBlob(ref reader) : null;
        reader.End();
        if (number is 0 or > int.MaxValue) throw Damage.Of(name, $"its number is {number}");
        var entry = new KeepingEntry(image, (int)number, kind, written, until, reason);
        return entry.Name == name ? entry : throw Damage.Of(name, $"it is {entry.Name}");
    }
}
