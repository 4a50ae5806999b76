using System.Buffers.Binary;
using Stillpoint.Chunks;

namespace Stillpoint.Transport;

/// <summary>Constants of the data connection: docs/WIRE.md. Integers are little-endian, as in the storage unit's format.</summary>
internal static class WireFormat
{
    /// <summary>First four bytes of the client's hello: <c>STPD</c>.</summary>
    internal const uint Magic = 0x44505453;

    /// <summary>Versions that this code speaks, lowest and highest.</summary>
    internal const ushort LowestVersion = 1, Version = 1;

    /// <summary>Body length (4), kind (1), zero (3), call (4).</summary>
    internal const int HeaderSize = 12;

    /// <summary>Most ids that one question about chunks may hold.</summary>
    internal const int MaxIds = 4096;

    /// <summary>Plain bytes of the chunks that one read may ask for.</summary>
    internal const int MaxReadBytes = 8 << 20;

    /// <summary>Largest tree node.</summary>
    internal const int MaxNode = 1 << 20;

    /// <summary>Largest image or commit: header and sealed details with the ranges that were read.</summary>
    internal const int MaxImage = 64 << 20;

    internal const int MaxTrouble = 64 << 10;

    private const int MaxRecord = SealedCodec.RecordPrefixSize + StoreFormat.MaxChunkSize + StoreFormat.TagSize;

    /// <summary>Largest body of a frame of <paramref name="kind"/>; -1 for a kind that there is not.</summary>
    internal static int MaxBody(FrameKind kind) => kind switch
    {
        FrameKind.Hello => 8,
        FrameKind.Open => GrantEncoding.MaxSize,
        FrameKind.Resume => 16 + GrantEncoding.MaxSize,
        FrameKind.Ping or FrameKind.Flush or FrameKind.ListImages or FrameKind.End => 0,
        FrameKind.PutRecord or FrameKind.Record => MaxRecord,
        FrameKind.PutNode or FrameKind.Node => NodeId.Size + MaxNode,
        FrameKind.HasChunks or FrameKind.ReadRecords => MaxIds * ChunkId.Size,
        FrameKind.Commit or FrameKind.Image or FrameKind.PutNote => MaxImage,
        FrameKind.ReadNode => NodeId.Size,
        FrameKind.Welcome => 2,
        FrameKind.Opened => 16 + 16 + 12 + 4,
        FrameKind.Resumed or FrameKind.Acknowledged => 8,
        FrameKind.Alive or FrameKind.Done => 0,
        FrameKind.Refused or FrameKind.Failed => MaxTrouble,
        FrameKind.Has => MaxIds / 8,
        FrameKind.Receipt => 24,
        _ => -1,
    };

    /// <summary>True for frames of the session: numbered, acknowledged, sent again.</summary>
    internal static bool IsNumbered(FrameKind kind) => kind is >= FrameKind.PutRecord and <= FrameKind.End;

    internal static void WriteHeader(Span<byte> target, FrameKind kind, uint call, int bodyLength)
    {
        BinaryPrimitives.WriteInt32LittleEndian(target, bodyLength);
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], (uint)kind);
        BinaryPrimitives.WriteUInt32LittleEndian(target[8..], call);
    }

    /// <summary>A whole frame.</summary>
    internal static byte[] Frame(FrameKind kind, uint call, ReadOnlySpan<byte> body)
    {
        var bytes = new byte[HeaderSize + body.Length];
        WriteHeader(bytes, kind, call, body.Length);
        body.CopyTo(bytes.AsSpan(HeaderSize));
        return bytes;
    }
}
