using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>A pack by its name's parts.</summary>
internal readonly record struct PackName(Guid Domain, Guid Pack, PackKind Kind)
{
    public string Text => UnitNames.Pack(Domain, Pack, Kind);

    public void Write(ByteWriter writer)
    {
        writer.Id(Domain);
        writer.Id(Pack);
        writer.U8((byte)Kind);
    }

    public static PackName Read(ref ByteReader reader, string name)
    {
        Guid domain = reader.Id(), pack = reader.Id();
        var kind = (PackKind)reader.U8();
        return kind is PackKind.Data or PackKind.Nodes ? new PackName(domain, pack, kind) : throw Damage.Of(name, $"pack kind {(byte)kind} is unknown");
    }

    public static PackName Of(PackHeader header) => new(header.Domain, header.Pack, header.Kind);
}

/// <summary>A collect round: <c>condemned/ROUND</c>. Sessions that open while it is there do not build on its packs.</summary>
/// <param name="Round">Its id.</param>
/// <param name="Made">When it was written.</param>
/// <param name="Packs">The packs that it wants to delete.</param>
/// <param name="Expired">The images that were given up when it was planned; every other committed image counts as living in this
/// round, also one that is given up later, since a session that opened after the round may have built on it.</param>
internal sealed record CondemnedRound(Guid Round, DateTimeOffset Made, IReadOnlyList<PackName> Packs, IReadOnlyList<Guid> Expired)
{
    private const int Most = 1 << 22, PackBytes = 33;

    public byte[] Encode()
    {
        var writer = ObjectFrame.Begin(ObjectFrame.RoundMagic);
        writer.Id(Round);
        writer.I64(Made.UtcTicks);
        writer.VarInt(Packs.Count);
        foreach (var pack in Packs) pack.Write(writer);
        writer.VarInt(Expired.Count);
        foreach (var image in Expired) writer.Id(image);
        return ObjectFrame.End(writer);
    }

    public static CondemnedRound Decode(ReadOnlySpan<byte> bytes, string name)
    {
        var reader = new ByteReader(ObjectFrame.Content(bytes, ObjectFrame.RoundMagic, name), name);
        var round = reader.Id();
        var made = UnitTime.Of(reader.I64(), name);
        var packs = new PackName[reader.Count(PackBytes, Most)];
        for (var i = 0; i < packs.Length; i++) packs[i] = PackName.Read(ref reader, name);
        var expired = new Guid[reader.Count(16, Most)];
        for (var i = 0; i < expired.Length; i++) expired[i] = reader.Id();
        reader.End();
        return UnitNames.Round(round) == name ? new CondemnedRound(round, made, packs, expired) : throw Damage.Of(name, $"it is round {round:N}");
    }
}

/// <summary>The sessions that were open after a round was written, and so may build on its packs: <c>condemned/ROUND.waits</c>.</summary>
internal sealed record RoundWaits(Guid Round, IReadOnlyList<Guid> Sessions)
{
    private const int Most = 1 << 22;

    public byte[] Encode()
    {
        var writer = ObjectFrame.Begin(ObjectFrame.WaitsMagic);
        writer.Id(Round);
        writer.VarInt(Sessions.Count);
        foreach (var session in Sessions) writer.Id(session);
        return ObjectFrame.End(writer);
    }

    public static RoundWaits Decode(ReadOnlySpan<byte> bytes, string name)
    {
        var reader = new ByteReader(ObjectFrame.Content(bytes, ObjectFrame.WaitsMagic, name), name);
        var round = reader.Id();
        var sessions = new Guid[reader.Count(16, Most)];
        for (var i = 0; i < sessions.Length; i++) sessions[i] = reader.Id();
        reader.End();
        return UnitNames.RoundWaits(round) == name ? new RoundWaits(round, sessions) : throw Damage.Of(name, $"it is of round {round:N}");
    }
}

/// <summary>The packs of a round that nothing needs: <c>condemned/ROUND.verdict</c>. Whoever executes the round deletes these and no
/// others, however long he was stopped in between.</summary>
internal sealed record RoundVerdict(Guid Round, IReadOnlyList<PackName> Packs)
{
    private const int Most = 1 << 22, PackBytes = 33;

    public byte[] Encode()
    {
        var writer = ObjectFrame.Begin(ObjectFrame.VerdictMagic);
        writer.Id(Round);
        writer.VarInt(Packs.Count);
        foreach (var pack in Packs) pack.Write(writer);
        return ObjectFrame.End(writer);
    }

    public static RoundVerdict Decode(ReadOnlySpan<byte> bytes, string name)
    {
        var reader = new ByteReader(ObjectFrame.Content(bytes, ObjectFrame.VerdictMagic, name), name);
        var round = reader.Id();
        var packs = new PackName[reader.Count(PackBytes, Most)];
        for (var i = 0; i < packs.Length; i++) packs[i] = PackName.Read(ref reader, name);
        reader.End();
        return UnitNames.RoundVerdict(round) == name ? new RoundVerdict(round, packs) : throw Damage.Of(name, $"it is of round {round:N}");
    }
}
