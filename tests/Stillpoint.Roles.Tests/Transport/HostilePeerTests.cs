using System.Buffers.Binary;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Stillpoint.Chunks;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Roles.Tests.Transport;

/// <summary>Peers that break the rules, against a running endpoint: it refuses, lets go, and serves the next one.</summary>
public sealed class HostilePeerTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Certificates_that_are_not_a_clients_of_this_installation_open_nothing()
    {
        await using var rig = new DataRig();
        using var otherAuthority = CertificateAuthority.LoadOrCreate(Path.Combine(rig.Folder, "other"), TimeProvider.System);
        using var stranger = RoleIdentity.Issue(otherAuthority, "host-1", PeerRoles.Client, TimeProvider.System);
        using var media = RoleIdentity.Issue(rig.Authority, "media-2", PeerRoles.Media, TimeProvider.System);
        using var expired = new Forgery { From = TimeProvider.System.GetUtcNow().AddDays(-3), To = TimeProvider.System.GetUtcNow().AddDays(-1) }
            .Make(Path.Combine(rig.Folder, "ca"), TimeProvider.System.GetUtcNow());
        foreach (var leaf in (X509Certificate2?[])[null, stranger.Certificate, media.Certificate, expired])
        {
            await Assert.ThrowsAnyAsync<Exception>(async () =>
            {
                await using var tls = await ConnectAsync(rig, leaf);
                await tls.WriteAsync(Hello(1, 1), Cancel);
                using var reader = new FrameReader(tls);
                await reader.ReadAsync(Cancel);
            });
        }
        Assert.Empty(rig.Units.Opened);
        await WorksAsync(rig);
    }

    [Fact]
    public async Task A_media_server_of_another_installation_gets_no_grant()
    {
        await using var rig = new DataRig();
        using var otherAuthority = CertificateAuthority.LoadOrCreate(Path.Combine(rig.Folder, "other"), TimeProvider.System);
        using var stranger = RoleIdentity.Issue(otherAuthority, "host-1", PeerRoles.Client, TimeProvider.System);
        var trouble = await Assert.ThrowsAsync<TroubleException>(() => rig.OpenAsync(identity: stranger));
        Assert.Contains("certificate", trouble.Trouble.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(2, 9)]
    [InlineData(3, 1)]
    public async Task A_version_that_is_not_spoken_here_is_refused_in_words(int lowest, int highest)
    {
        await using var rig = new DataRig();
        await using var tls = await ConnectAsync(rig, rig.Client.Certificate);
        await tls.WriteAsync(Hello((ushort)lowest, (ushort)highest), Cancel);
        using var reader = new FrameReader(tls);
        var answer = await reader.ReadAsync(Cancel);
        Assert.Equal(FrameKind.Refused, answer.Kind);
        Assert.Contains("versions", WireTrouble.Read(answer.Body.Span).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Garbage_at_every_stage_is_refused_and_the_endpoint_goes_on()
    {
        await using var rig = new DataRig();
        var random = new Random(99);
        for (var round = 0; round < 60; round++)
        {
            await using var tls = await ConnectAsync(rig, rig.Client.Certificate);
            using var reader = new FrameReader(tls);
            var stage = round % 4;
            if (stage >= 1) await tls.WriteAsync(Hello(1, 1), Cancel);
            if (stage >= 2) await tls.WriteAsync(WireFormat.Frame(FrameKind.Open, 0, rig.Signer.Sign(rig.Grant(image: 100 + round))), Cancel);
            var garbage = new byte[random.Next(12, 4000)];
            random.NextBytes(garbage);
            if (stage == 3)
            {
                // A sound header around a body that is not.
                var kinds = (FrameKind[])[FrameKind.PutRecord, FrameKind.PutNode, FrameKind.HasChunks, FrameKind.Commit, FrameKind.PutNote,
                    FrameKind.ReadRecords, FrameKind.Resume, FrameKind.Opened];
                garbage = WireFormat.Frame(kinds[random.Next(kinds.Length)], (uint)round, garbage);
            }
            await tls.WriteAsync(garbage, Cancel);
            await EndsAsync(reader, tls, stage == 3);
        }
        await WorksAsync(rig);
        while (rig.Server.Sessions > 0 || rig.Server.Connections > 0) await Task.Delay(10, Cancel);
    }

    [Fact]
    public async Task A_session_cannot_be_taken_over_by_another_client_or_grant()
    {
        await using var rig = new DataRig();
        await using var client = await rig.OpenAsync();
        using var other = RoleIdentity.Issue(rig.Authority, "host-2", PeerRoles.Client, TimeProvider.System);
        var id = rig.SessionIds.Single();
        var grant = rig.Signer.Sign(rig.Grant());
        foreach (var (leaf, shown) in ((X509Certificate2, byte[])[])[(other.Certificate, grant),
            (rig.Client.Certificate, rig.Signer.Sign(rig.Grant(image: 9)))])
        {
            await using var tls = await ConnectAsync(rig, leaf);
            await tls.WriteAsync(Hello(1, 1), Cancel);
            await tls.WriteAsync(WireFormat.Frame(FrameKind.Resume, 0, [.. id.ToByteArray(bigEndian: true), .. shown]), Cancel);
            using var reader = new FrameReader(tls);
            Assert.Equal(FrameKind.Welcome, (await reader.ReadAsync(Cancel)).Kind);
            var answer = await reader.ReadAsync(Cancel);
            Assert.Equal(FrameKind.Refused, answer.Kind);
            Assert.Contains("session is unknown", WireTrouble.Read(answer.Body.Span).Message, StringComparison.Ordinal);
        }
        await client.FlushAsync(Cancel);
        Assert.Equal(0, client.Resumptions);
    }

    [Fact]
    public async Task Connections_that_say_nothing_are_let_go()
    {
        await using var rig = new DataRig(new DataServerOptions { Greeting = TimeSpan.FromMilliseconds(200), MaxConnections = 3 });
        var sockets = new List<Socket>();
        for (var i = 0; i < 6; i++)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(rig.EndPoint, Cancel);
            sockets.Add(socket);
        }
        // Closed at once beyond the bound, after the greeting's limit below it: all of them end.
        foreach (var socket in sockets)
        {
            var read = await Record.ExceptionAsync(async () => Assert.Equal(0, await socket.ReceiveAsync(new byte[1], Cancel)));
            Assert.True(read is null or SocketException, read?.ToString());
            socket.Dispose();
        }
        while (rig.Server.Connections > 0) await Task.Delay(10, Cancel);
        await WorksAsync(rig);
    }

    private static async Task WorksAsync(DataRig rig)
    {
        await using var client = await rig.OpenAsync(rig.Grant(image: 77));
        await client.PutRecordAsync(rig.Record(), Cancel);
        await client.FlushAsync(Cancel);
    }

    /// <summary>The endpoint closes, or, for a body that merely makes no sense, answers that it failed.</summary>
    private static async Task EndsAsync(FrameReader reader, SslStream tls, bool mayFail)
    {
        try
        {
            while (true)
            {
                var frame = await reader.ReadAsync(Cancel);
                if (frame.Kind == FrameKind.Refused || (mayFail && frame.Kind is FrameKind.Failed)) return;
                if (mayFail && frame.Kind is FrameKind.Opened) await tls.WriteAsync(WireFormat.Frame(FrameKind.End, 5, []), Cancel);
                if (mayFail && frame.Kind is FrameKind.Done) return;
            }
        }
        catch (IOException)
        {
            // Closed, also in the middle of garbage that claims to be a long frame.
        }
    }

    private static byte[] Hello(ushort lowest, ushort highest)
    {
        var body = new byte[8];
        BinaryPrimitives.WriteUInt32LittleEndian(body, WireFormat.Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(body.AsSpan(4), lowest);
        BinaryPrimitives.WriteUInt16LittleEndian(body.AsSpan(6), highest);
        return WireFormat.Frame(FrameKind.Hello, 0, body);
    }

    private static async Task<SslStream> ConnectAsync(DataRig rig, X509Certificate2? leaf)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(rig.EndPoint, Cancel);
        var tls = new SslStream(new NetworkStream(socket, ownsSocket: true), false, rig.Client.Peers.RequireServer(PeerRoles.Media));
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "x",
            ClientCertificateContext = leaf is null ? null : SslStreamCertificateContext.Create(leaf, null, offline: true),
        }, Cancel);
        return tls;
    }
}
