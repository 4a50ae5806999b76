using Stillpoint.Chunks;
using Stillpoint.Model;
using Stillpoint.Store.Tests;
using Stillpoint.Transport;

namespace Stillpoint.Roles.Tests.Fuzz;

/// <summary>Every reader of what a peer sends on the data connection: frames, what they carry, and grants.</summary>
internal static class WireTargets
{
    private static readonly Guid s_id = new("0a0b0c0d-0102-0304-0506-0708090a0b0c");
    private static readonly DateTimeOffset s_time = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);

    public static IReadOnlyList<FuzzTarget> All()
    {
        var stream = new StreamHeader(StreamKind.Disk, 1 << 30, new NodeId(1, 2, 3, 4), 5, 6, 7, 8, 9, 10);
        var header = new ImageHeader(s_id, s_id, s_id, s_id, s_time, ImageType.Full, Consistency.Application, s_id, [stream, stream with { Kind = StreamKind.File }]);
        var blob = new SealedBlob(7, new byte[StoreFormat.SaltSize], new byte[100]);
        var commit = ImageWire.WriteCommit(header, blob, new SentCounter().Totals);
        var note = ImageWire.WriteNote(s_id, NoteKind.Suspect, blob);
        var image = ImageWire.WriteImage(new StoredImage(header, blob, [new ImageNote(NoteKind.Base, s_time, blob), new ImageNote(NoteKind.Suspect, s_time, blob)]));
        var grant = new JobGrant(GrantKind.Backup, s_id, "host-1", s_id, s_id, s_id, "unit-1", s_time);
        // RFC 8032, section 7.1, the public key of test 1.
        var verifier = new GrantVerifier(Convert.FromHexString("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"), TimeProvider.System);
        byte[] frames =
        [
            .. WireFormat.Frame(FrameKind.PutNode, 1, new byte[60]), .. WireFormat.Frame(FrameKind.Flush, 2, []), .. WireFormat.Frame(FrameKind.PutNote, 3, note),
            .. WireFormat.Frame(FrameKind.HasChunks, 4, new byte[64]), .. WireFormat.Frame(FrameKind.Commit, 5, commit),
        ];
        return
        [
            new FuzzTarget("frames", [frames], ReadFrames),
            new FuzzTarget("commit", [commit], b => FuzzTarget.Refuses<TroubleException>(() => ImageWire.ReadCommit(b))),
            new FuzzTarget("note on the wire", [note], b => FuzzTarget.Refuses<TroubleException>(() => ImageWire.ReadNote(b))),
            new FuzzTarget("image on the wire", [image], b => FuzzTarget.Refuses<TroubleException>(() => ImageWire.ReadImage(b))),
            new FuzzTarget("refusal", [WireTrouble.Write(new Trouble(Phase.Transfer, "unit", "it is full", "make room", true))],
                b => FuzzTarget.Refuses<WireException>(() => WireTrouble.Read(b))),
            new FuzzTarget("grant", [GrantEncoding.Write(grant)], b => ReadGrant(b, verifier)),
        ];
    }

    /// <summary>The stream ends, as every one does; before that it may be refused.</summary>
    private static bool ReadFrames(byte[] bytes)
    {
        var all = 0;
        try
        {
            using var reader = new FrameReader(new MemoryStream(bytes));
            while (true)
            {
                var frame = reader.ReadAsync(default).AsTask().GetAwaiter().GetResult();
                if (frame.Body.Length > WireFormat.MaxBody(frame.Kind)) throw new InvalidOperationException($"{frame.Kind} of {frame.Body.Length} bytes");
                all++;
            }
        }
        catch (EndOfStreamException)
        {
            return all == 5;
        }
        catch (WireException)
        {
            return false;
        }
    }

    /// <summary>What is read is written again as it was; the verifier takes nothing without its signature.</summary>
    private static bool ReadGrant(byte[] bytes, GrantVerifier verifier)
    {
        if (FuzzTarget.Refuses<TroubleException>(() => verifier.Verify(bytes, "host-1"))) throw new InvalidOperationException("a grant without a signature was taken");
        if (!GrantEncoding.TryRead(bytes, out var grant)) return false;
        return GrantEncoding.Write(grant).AsSpan().SequenceEqual(bytes) ? true : throw new InvalidOperationException("a grant has two encodings");
    }
}
