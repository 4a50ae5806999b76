using System.Security.Cryptography;
using System.Text;
using Stillpoint.Chunks;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>Every reader of what lies in a storage unit, and of what opens one. Seeds are of the golden unit, or made here where it has none.</summary>
internal static class StoreTargets
{
    private static readonly Guid s_id = new("0a0b0c0d-0102-0304-0506-0708090a0b0c");
    private static readonly DateTimeOffset s_time = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);

    public static IReadOnlyList<FuzzTarget> All()
    {
        var golden = GoldenObjects.Load();
        return [.. Objects(golden), .. Secrets(golden), .. Files(golden), .. LargeTargets.All(golden)];
    }

    /// <summary>The small objects with their frames.</summary>
    private static IEnumerable<FuzzTarget> Objects(GoldenObjects golden)
    {
        var text = SealedBlob.Open("kept for the audit");
        var pack = new PackName(golden.Keys.Domain, s_id, PackKind.Data);
        yield return new FuzzTarget("unit.json", [golden.All["unit.json"]], bytes => Refused(() => UnitConfiguration.Decode(bytes, "unit")));
        yield return Framed("end", golden.Under("ends/"), (b, name) => SessionEnd.Decode(b, name));
        yield return Framed("image", golden.Under("images/"), (b, name) => ImageObject.Decode(b, name));
        yield return Framed("note", golden.Under("notes/"), (b, name) => NoteObject.Decode(b, name));
        var entries = new[]
        {
            new KeepingEntry(s_id, 1, KeepingKind.Held, s_time, null, text), new KeepingEntry(s_id, 2, KeepingKind.Locked, s_time, s_time.AddDays(9), null),
        };
        yield return Framed("keeping", entries.Select(e => (e.Name, e.Encode())), (b, name) => KeepingEntry.Decode(b, name));
        var round = new CondemnedRound(s_id, s_time, [pack, pack with { Kind = PackKind.Nodes }], [s_id]);
        yield return Framed("round", [(UnitNames.Round(s_id), round.Encode())], (b, name) => CondemnedRound.Decode(b, name));
        yield return Framed("waits", [(UnitNames.RoundWaits(s_id), new RoundWaits(s_id, [s_id, s_id]).Encode())], (b, name) => RoundWaits.Decode(b, name));
        yield return Framed("verdict", [(UnitNames.RoundVerdict(s_id), new RoundVerdict(s_id, [pack]).Encode())], (b, name) => RoundVerdict.Decode(b, name));
        yield return Framed("lease", [(UnitNames.Lease(s_id), Lease())], (b, name) => SessionLease.Decode(b, name, s_id));
        yield return Framed("broken glass", [(UnitNames.Glass(s_time, s_id), Glass())], (b, name) => BreakGlass.Decode(b, name));
        yield return Framed("primary.key", [(UnitNames.PrimaryKey, Primary())], (b, _) => Attachment.Decode(b));
        var open = new VerifyDepth(null);
        yield return Framed(
            "checks", [(UnitNames.Checks(golden.Keys.Domain, open.Kind), Checks(golden, null))],
            (b, name) => SoundPacks.Decode(b, name, s_id, golden.Keys.Domain, open));
    }

    /// <summary>What is read after a key opened it: a client that was taken has the key.</summary>
    private static IEnumerable<FuzzTarget> Secrets(GoldenObjects golden)
    {
        var keys = golden.Keys;
        var random = new SeededRandom(3);
        var images = golden.Under("images/").Select(o => ImageObject.Decode(o.Bytes, o.Name)).ToList();
        var context = ImageHeaderCodec.Encode(images[0].Header);
        yield return new FuzzTarget("image header", [.. images.Select(i => ImageHeaderCodec.Encode(i.Header))], b => Refused(() => ImageHeaderCodec.Decode(b)));
        yield return new FuzzTarget(
            "image details", [.. images.Select(i => keys.Open(SealedKind.Details, ImageHeaderCodec.Encode(i.Header), i.Details))],
            b => Refused(() => ImageDetailsCodec.Open(keys, new StoredImage(images[0].Header, keys.Seal(SealedKind.Details, context, b, random), []))));
        yield return Note(golden, NoteKind.Base, NoteCodec.Seal(keys, s_id, new BaseNote("point", [new BaseNoteDisk("slot", "track"), new BaseNoteDisk("s", null)]), random),
            note => NoteCodec.OpenBase(keys, s_id, note));
        yield return Note(golden, NoteKind.Verified, NoteCodec.Seal(keys, s_id, new VerifyResult(s_time, "sound", VerifyKind.Full), random),
            note => NoteCodec.OpenVerified(keys, s_id, note));
        yield return Note(golden, NoteKind.Suspect, NoteCodec.SealText(keys, s_id, NoteKind.Suspect, "why", random), note => NoteCodec.OpenText(keys, s_id, note));
        var depth = new VerifyDepth(keys);
        var where = UnitNames.Checks(keys.Domain, depth.Kind);
        var unit = new ByteWriter();
        unit.Id(s_id);
        unit.Id(keys.Domain);
        yield return new FuzzTarget("checks, sealed", [OpenBlob(golden, unit.ToArray())], b => Refused(() =>
        {
            var writer = ObjectFrame.Begin(ObjectFrame.ChecksMagic);
            SealedCodec.Write(writer, keys.Seal(SealedKind.Checks, unit.Written, b, random));
            SoundPacks.Decode(ObjectFrame.End(writer), where, s_id, keys.Domain, depth);
        }));
        var plain = new byte[5000];
        Disks.Fill(plain.AsSpan(0, 900), new Random(5));
        var id = keys.IdOf(plain);
        var opener = new RecordOpener(keys);
        using var sealer = new PackSealer(keys, random, 3);
        yield return new FuzzTarget("zstd frame", [opener.OpenContent(sealer.Seal(id, plain))], b => Refused(() =>
            opener.Open(Forged.Record(keys, id, b, plain.Length, compressed: true), id, new byte[plain.Length])));
        var sealedRecord = sealer.Seal(id, plain);
        var record = new byte[SealedCodec.RecordPrefixSize + sealedRecord.Bytes.Length];
        SealedCodec.WritePrefix(sealedRecord, record);
        sealedRecord.Bytes.Span.CopyTo(record.AsSpan(SealedCodec.RecordPrefixSize));
        yield return new FuzzTarget("record", [record], b => Refused(() =>
        {
            var read = SealedCodec.ReadRecord(b);
            opener.Open(read, read.Id, new byte[read.PlainLength]);
        }));
    }

    /// <summary>What people hand over.</summary>
    private static IEnumerable<FuzzTarget> Files(GoldenObjects golden)
    {
        var master = new DomainMaster(new byte[32], 3);
        var random = new SeededRandom(9);
        byte[][] keyFiles = [KeyFile.Format(master), KeyFile.Format(master, "correct horse"u8, new PassphraseWrap(), random)];
        yield return new FuzzTarget("key file", [.. keyFiles.Select(f => f[..^10])], b => Refused(() =>
        {
            // With the check digits that it needs.
            var line = string.Join(' ', Encoding.ASCII.GetString(b).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
            KeyFile.Read(Encoding.ASCII.GetBytes($"{line} {Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(line)))[..8]}"), "file");
        }));
        var kit = new RecoveryKit(s_time, [master, master], [new KitUnit(s_id, "/srv/unit", new string('a', 64))]);
        yield return new FuzzTarget("recovery kit, sealed part", [kit.Encode()], b => Refused(() => RecoveryKit.Decode(b, "kit")));
        yield return new FuzzTarget("recovery kit", [Encoding.ASCII.GetBytes(KitText.Write(golden.All["unit.json"]))],
            b => Refused(() => KitText.Read(Encoding.Latin1.GetString(b), "kit")));
        var nodes = golden.Under("packs/").Where(o => o.Name.EndsWith(".nodes", StringComparison.Ordinal)).SelectMany(o => LargeTargets.Records(o.Bytes)).ToList();
        yield return new FuzzTarget("tree node", nodes, b => Refused(() =>
        {
            var node = TreeNode.Open(NodeId.Read(SHA256.HashData(b)), b);
            for (var child = 0; child < StoreFormat.Fanout; child++) _ = (node.Chunk(child), node.Node(child));
        }));
    }

    private static FuzzTarget Framed(string name, IEnumerable<(string Name, byte[] Bytes)> objects, Action<byte[], string> decode)
    {
        var all = objects.ToList();
        var magic = all[0].Bytes[..8];
        return new FuzzTarget(name, [.. all.Select(o => o.Bytes[10..^ObjectFrame.ChecksumSize])], content => Refused(() =>
        {
            var writer = ObjectFrame.Begin(magic);
            writer.Raw(content);
            decode(ObjectFrame.End(writer), all[0].Name);
        }));
    }

    private static FuzzTarget Note(GoldenObjects golden, NoteKind kind, SealedBlob sound, Action<ImageNote> open)
    {
        var context = new ByteWriter();
        context.Id(s_id);
        context.U8((byte)kind);
        var random = new SeededRandom(4);
        return new FuzzTarget($"note, {Words.Of(kind)}", [golden.Keys.Open(SealedKind.Note, context.Written, sound)],
            b => Refused(() => open(new ImageNote(kind, s_time, golden.Keys.Seal(SealedKind.Note, context.Written, b, random)))));
    }

    private static bool Refused(Action read) => FuzzTarget.Refuses<TroubleException>(read);

    private static byte[] Lease()
    {
        var writer = ObjectFrame.Begin(ObjectFrame.LeaseMagic);
        writer.Id(s_id);
        writer.VarInt(300);
        writer.I64(s_time.UtcTicks);
        return ObjectFrame.End(writer);
    }

    private static byte[] Glass()
    {
        var writer = ObjectFrame.Begin(ObjectFrame.GlassMagic);
        writer.I64(s_time.UtcTicks);
        writer.Text("collect");
        writer.Text("a drill");
        return ObjectFrame.End(writer);
    }

    private static byte[] Primary()
    {
        var writer = ObjectFrame.Begin(ObjectFrame.PrimaryMagic);
        writer.Raw(new byte[Attachment.KeySize]);
        return ObjectFrame.End(writer);
    }

    private static byte[] Checks(GoldenObjects golden, DomainKeys? keys)
    {
        var memory = new MemoryVolume();
        var depth = new VerifyDepth(keys);
        var sound = SoundPacks.LoadAsync(memory, s_id, golden.Keys.Domain, depth, default).GetAwaiter().GetResult();
        sound.Began = s_time;
        sound.Add(s_id, new SoundPack(s_time, 5000, new Dictionary<ChunkId, int> { [golden.Keys.IdOf("end"u8)] = 512 }));
        sound.SaveAsync(memory, default).GetAwaiter().GetResult();
        return SmallObject.ReadAsync(memory, UnitNames.Checks(golden.Keys.Domain, depth.Kind), default).GetAwaiter().GetResult();
    }

    private static byte[] OpenBlob(GoldenObjects golden, byte[] context)
    {
        var reader = new ByteReader(ObjectFrame.Content(Checks(golden, golden.Keys), ObjectFrame.ChecksMagic, "checks"), "checks");
        return golden.Keys.Open(SealedKind.Checks, context, SealedCodec.ReadBlob(ref reader));
    }
}
