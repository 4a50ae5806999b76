using System.Buffers.Binary;
using CsCheck;
using Stillpoint.Transport;

namespace Stillpoint.Roles.Tests.Transport;

/// <summary>The first thing that meets what a stranger sends.</summary>
public sealed class FrameReaderTests
{
    private static readonly FrameKind[] s_kinds = Enum.GetValues<FrameKind>();

    [Fact]
    public void Frames_come_back_whole_however_the_stream_is_cut()
    {
        var frame = from kind in Gen.Int[0, 4].Select(i =>
            ((FrameKind[])[FrameKind.PutRecord, FrameKind.PutNode, FrameKind.HasChunks, FrameKind.Commit, FrameKind.Flush])[i])
                    from call in Gen.UInt
                    from length in Gen.Frequency((5, Gen.Int[0, 300]), (1, Gen.Int[0, 120_000]))
                    select (kind, call, length: Math.Min(length, WireFormat.MaxBody(kind)));
        Gen.Select(frame.Array[1, 12], Gen.Int[1, 70_000], Gen.Int).Sample(
            (frames, piece, seed) =>
            {
                var random = new Random(seed);
                using var stream = new MemoryStream();
                var bodies = new List<byte[]>();
                foreach (var (kind, call, length) in frames)
                {
                    var body = new byte[length];
                    random.NextBytes(body);
                    bodies.Add(body);
                    stream.Write(WireFormat.Frame(kind, call, body));
                }
                stream.Position = 0;
                using var reader = new FrameReader(new Pieces(stream, piece));
                for (var i = 0; i < frames.Length; i++)
                {
                    var read = Read(reader);
                    Assert.Equal((frames[i].kind, frames[i].call), (read.Kind, read.Call));
                    Assert.True(read.Body.Span.SequenceEqual(bodies[i]));
                }
                Assert.Throws<EndOfStreamException>(() => Read(reader));
            }, seed: "0000KtGLYx5N", iter: 200);
    }

    [Fact]
    public void Random_bytes_are_refused_or_end_and_nothing_else()
    {
        Gen.Byte.Array[0, 400].Sample(
            bytes =>
            {
                using var reader = new FrameReader(new MemoryStream(bytes));
                var fault = Record.Exception((Action)(() => ReadAll(reader)));
                Assert.True(fault is WireException or EndOfStreamException, fault?.ToString());
            }, seed: "0000KtGLYx5N", iter: 3000);
    }

    [Fact]
    public async Task Every_truncation_is_an_end()
    {
        var bytes = WireFormat.Frame(FrameKind.PutNode, 1, new byte[100]);
        for (var length = 0; length < bytes.Length; length++)
        {
            using var reader = new FrameReader(new MemoryStream(bytes[..length]));
            await Assert.ThrowsAsync<EndOfStreamException>(async () => await reader.ReadAsync(default));
        }
    }

    [Fact]
    public async Task A_length_beyond_the_kind_is_refused_before_a_byte_of_it_is_held()
    {
        foreach (var kind in s_kinds)
        {
            foreach (var length in (int[])[WireFormat.MaxBody(kind) + 1, int.MaxValue, -1, int.MinValue])
            {
                var header = new byte[WireFormat.HeaderSize];
                BinaryPrimitives.WriteInt32LittleEndian(header, length);
                header[4] = (byte)kind;
                using var reader = new FrameReader(new MemoryStream(header));
                await Assert.ThrowsAsync<WireException>(async () => await reader.ReadAsync(default));
            }
        }
    }

    [Fact]
    public async Task A_lying_length_costs_its_sender()
    {
        var header = new byte[WireFormat.HeaderSize];
        WireFormat.WriteHeader(header, FrameKind.Commit, 1, WireFormat.MaxImage);
        using var reader = new FrameReader(new MemoryStream([.. header, .. new byte[1000]]));
        var before = GC.GetAllocatedBytesForCurrentThread();
        await Assert.ThrowsAsync<EndOfStreamException>(async () => await reader.ReadAsync(default));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);
    }

    [Fact]
    public void Every_kind_has_a_bound() => Assert.All(s_kinds, kind => Assert.InRange(WireFormat.MaxBody(kind), 0, WireFormat.MaxImage));

    private static Frame Read(FrameReader reader) => reader.ReadAsync(default).AsTask().GetAwaiter().GetResult();

    private static void ReadAll(FrameReader reader)
    {
        while (true) Read(reader);
    }

    /// <summary>Gives at most so many bytes at a time.</summary>
    private sealed class Pieces(Stream inner, int piece) : Stream
    {
        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
        public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, Math.Min(count, piece));
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            inner.ReadAsync(buffer[..Math.Min(buffer.Length, piece)], cancellationToken);
        public override void Flush() { }
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
