using System.Buffers.Binary;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>One connection at the media server: TLS, greeting, session, frames until it ends.</summary>
internal sealed class DataConnection(Socket socket, RoleIdentity identity, SessionTable sessions, DataServerOptions options, TimeProvider time, ILogger log)
    : IDisposable
{
    private const int AcknowledgeEvery = 512 << 10;
    private readonly CancellationTokenSource _end = new();
    private bool _resuming;

    /// <summary>Runs to the connection's end; throws nothing that its peer caused.</summary>
    internal async Task RunAsync(CancellationToken stop)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(_end.Token, stop);
        var tls = new SslStream(new NetworkStream(socket, ownsSocket: false));
        using var reader = new FrameReader(tls);
        try
        {
            await GreetAndServeAsync(tls, reader, either.Token);
        }
        catch (Exception e) when (e is IOException or SocketException or AuthenticationException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            log.LogDebug(e, "A data connection ended.");
        }
        finally
        {
            await either.CancelAsync();
            socket.Dispose();
            await tls.DisposeAsync();
        }
    }

    public void Dispose() => _end.Dispose();

    private async Task GreetAndServeAsync(SslStream tls, FrameReader reader, CancellationToken cancel)
    {
        var writer = new FrameWriter(tls);
        Peer? peer = null;
        DataSession session;
        try
        {
            Frame ask;
            using (var patience = new CancellationTokenSource(options.Greeting, time))
            using (var limit = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancel))
            {
                peer = await AuthenticateAsync(tls, limit.Token);
                await ReadHelloAsync(reader, writer, peer, limit.Token);
                ask = await reader.ReadAsync(limit.Token);
            }
            // The peer has said all that it must; how long a unit takes to open is not its fault.
            session = await TakeSessionAsync(ask, peer, cancel);
        }
        catch (Exception e) when (peer is not null && e is TroubleException or WireException)
        {
            await RefuseAsync(writer, AsTrouble(peer!, e), cancel);
            return;
        }
        await ServeAsync(session, reader, writer, peer, cancel);
    }

    private async Task<Peer> AuthenticateAsync(SslStream tls, CancellationToken cancel)
    {
        await tls.AuthenticateAsServerAsync(
            new SslServerAuthenticationOptions
            {
                ServerCertificateContext = identity.Context,
                ClientCertificateRequired = true,
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                RemoteCertificateValidationCallback = identity.Peers.RequireClient(PeerRoles.Client),
                CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
            },
            cancel);
        if (!identity.Peers.TryReadClient(tls.RemoteCertificate as X509Certificate2, out var peer, out var reason)) throw new AuthenticationException(reason);
        return peer!;
    }

    private static async Task ReadHelloAsync(FrameReader reader, FrameWriter writer, Peer peer, CancellationToken cancel)
    {
        var hello = await reader.ReadAsync(cancel);
        if (hello.Kind != FrameKind.Hello || hello.Body.Length != 8 || BinaryPrimitives.ReadUInt32LittleEndian(hello.Body.Span) != WireFormat.Magic)
        {
            throw new WireException("its first frame is no hello");
        }
        var lowest = BinaryPrimitives.ReadUInt16LittleEndian(hello.Body.Span[4..]);
        var highest = BinaryPrimitives.ReadUInt16LittleEndian(hello.Body.Span[6..]);
        if (lowest > WireFormat.Version || highest < WireFormat.LowestVersion || lowest > highest)
        {
            throw new TroubleException($"client {peer.Name}",
                $"It speaks versions {lowest} to {highest} of the data protocol, this media server {WireFormat.LowestVersion} to {WireFormat.Version}.",
                "Bring both to the same version; update primary and media servers first.");
        }
        var version = new byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(version, Math.Min(highest, WireFormat.Version));
        await writer.WriteAsync(WireFormat.Frame(FrameKind.Welcome, 0, version), cancel);
        await writer.FlushAsync(cancel);
    }

    private async Task<DataSession> TakeSessionAsync(Frame frame, Peer peer, CancellationToken cancel)
    {
        _resuming = frame.Kind == FrameKind.Resume;
        var body = frame.Body.ToArray();
        DataSession session;
        if (frame.Kind == FrameKind.Open) session = await sessions.OpenAsync(peer, body, cancel);
        else if (_resuming && body.Length > 16) session = sessions.Find(peer, new Guid(body.AsSpan(0, 16), bigEndian: true), body.AsSpan(16));
        else throw new WireException($"{frame.Kind} where a session is opened");
        await session.TakeAsync(HangUp, cancel);
        return session;
    }

    private async Task AnswerOpenAsync(FrameWriter writer, DataSession session, CancellationToken cancel)
    {
        byte[] body;
        if (_resuming)
        {
            body = new byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(body, session.Received);
        }
        else
        {
            body = new byte[WireFormat.MaxBody(FrameKind.Opened)];
            session.Id.TryWriteBytes(body, bigEndian: true, out _);
            session.Unit.UnitId.TryWriteBytes(body.AsSpan(16), bigEndian: true, out _);
            BinaryPrimitives.WriteInt32LittleEndian(body.AsSpan(32), session.Unit.FormatVersion);
            BinaryPrimitives.WriteInt32LittleEndian(body.AsSpan(36), session.Unit.ChunkSize);
            BinaryPrimitives.WriteInt32LittleEndian(body.AsSpan(40), session.Unit.CompressionLevel);
            BinaryPrimitives.WriteInt32LittleEndian(body.AsSpan(44), options.Window);
        }
        await writer.WriteAsync(WireFormat.Frame(_resuming ? FrameKind.Resumed : FrameKind.Opened, 0, body), cancel);
        await writer.FlushAsync(cancel);
    }

    private async Task ServeAsync(DataSession session, FrameReader reader, FrameWriter writer, Peer peer, CancellationToken cancel)
    {
        using var answers = new OutgoingFrames();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var liveness = new Liveness(time, options.Silence, answers.SayAlive, HangUp);
        var writing = Task.CompletedTask;
        var watching = liveness.WatchAsync(end.Token);
        Trouble? refusal = null;
        var over = false;
        try
        {
            await AnswerOpenAsync(writer, session, cancel);
            writing = WriteAsync(answers, writer, liveness, end.Token);
            await PumpAsync(session, reader, answers, liveness, end.Token);
            over = true;
        }
        catch (SessionOverException e)
        {
            (refusal, over) = (e.Trouble, true);
        }
        catch (WireException e)
        {
            (refusal, over) = (AsTrouble(peer, e), true);
        }
        finally
        {
            await LeaveAsync(session, over);
            answers.Close();
            await Settle(writing.WaitAsync(TimeSpan.FromSeconds(5), time, CancellationToken.None));
            if (refusal is not null && writing.IsCompletedSuccessfully) await Settle(RefuseAsync(writer, refusal, end.Token));
            await end.CancelAsync();
            socket.Dispose();
            await Settle(Task.WhenAll(writing, watching));
        }
    }

    private static async Task PumpAsync(DataSession session, FrameReader reader, OutgoingFrames answers, Liveness liveness, CancellationToken cancel)
    {
        var since = 0;
        while (!session.IsOver)
        {
            if (since > 0 && (since >= AcknowledgeEvery || !reader.HasNext))
            {
                answers.Acknowledge(session.Received);
                since = 0;
            }
            var frame = await reader.ReadAsync(cancel);
            liveness.Heard();
            if (frame.Kind == FrameKind.Ping) continue;
            if (!WireFormat.IsNumbered(frame.Kind)) throw new WireException($"{frame.Kind} inside a session");
            liveness.Working(true);
            await session.WorkAsync(frame, answers);
            liveness.Working(false);
            since += frame.Body.Length + WireFormat.HeaderSize;
        }
    }

    private async Task WriteAsync(OutgoingFrames answers, FrameWriter writer, Liveness liveness, CancellationToken cancel)
    {
        try
        {
            await answers.WriteAsync(writer, liveness, cancel);
        }
        catch
        {
            answers.Close();
            HangUp();
            throw;
        }
    }

    private async Task LeaveAsync(DataSession session, bool over)
    {
        session.Leave(time.GetTimestamp());
        if (over) await sessions.EndAsync(session);
    }

    private async Task RefuseAsync(FrameWriter writer, Trouble trouble, CancellationToken cancel)
    {
        log.LogWarning("Refused: {Trouble}", trouble);
        await writer.WriteAsync(WireFormat.Frame(FrameKind.Refused, 0, WireTrouble.Write(trouble)), cancel);
        await writer.FlushAsync(cancel);
        // What the peer still sends would turn the close into a reset that takes the refusal with it.
        socket.Shutdown(SocketShutdown.Send);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2), time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancel);
        var rest = new byte[16 << 10];
        while (await socket.ReceiveAsync(rest, SocketFlags.None, either.Token) > 0)
        {
            // Thrown away until the peer closes or patience ends.
        }
    }

    private void HangUp()
    {
        try
        {
            _end.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It ended already.
        }
    }

    private static Trouble AsTrouble(Peer peer, Exception e) => e is TroubleException t
        ? t.Trouble
        : new Trouble(null, $"client {peer.Name}", $"It does not keep to the data protocol: {e.Message}.", "Check that both sides have the same version.");

    private static async Task Settle(Task task)
    {
        try
        {
            await task;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The connection is ending: why one half of it failed is no news.
        }
    }
}
