using System.Net.Security;
using System.Security.Cryptography;
using CsCheck;
using Microsoft.Extensions.Time.Testing;
using Stillpoint.Lab;

namespace Stillpoint.HyperV.Tests.Login;

/// <summary>Tokens and sealed bodies that are damaged at random, on both sides: refused, never worse.</summary>
public sealed class HostileTokenTests
{
    private static readonly LabAccounts Accounts = new([new LabAccount("Administrator", "secret", AccountRights.Administrator)]);
    private static readonly HyperVHostOptions Options = new(new Uri("http://hv1:5985/wsman"), "Administrator", "secret");

    private static readonly Gen<(int At, int Cut, byte[] Put)> Damage = Gen.Select(Gen.Int[0, 400], Gen.Int[0, 40], Gen.Byte.Array[0, 12]);

    [Fact]
    public void An_undamaged_conversation_ends_well_and_seals_both_ways()
    {
        using var random = RandomNumberGenerator.Create();
        using var host = Host(random);
        using var client = Client();
        Assert.Equal(LoginStep.GoOn, host.Accept(client.Token, out var challenge));
        Assert.True(client.Take(challenge));
        Assert.Equal(LoginStep.Done, host.Accept(client.Token, out _));
        for (var i = 1; i < 4; i++)
        {
            var message = new byte[i * 1000];
            var body = SealedMessage.Read(client.Seal(message), SealedMessage.SpnegoProtocol)!.Value;
            Assert.Equal(message, host.Open(body.Content.Span, body.HeaderLength));
            Assert.Equal(message.Length, body.Length);
            var (header, data) = host.Seal(message);
            Assert.Equal(message, client.Open(SealedMessage.Write(SealedMessage.SpnegoProtocol, message.Length, header, data)).Soap);
        }
        // The same once more is a message that was sent twice.
        var once = SealedMessage.Read(client.Seal([1]), SealedMessage.SpnegoProtocol)!.Value;
        Assert.NotNull(host.Open(once.Content.Span, once.HeaderLength));
        Assert.Null(host.Open(once.Content.Span, once.HeaderLength));
    }

    [Fact]
    public void The_lab_lets_nobody_in_by_a_damaged_token()
    {
        using var random = RandomNumberGenerator.Create();
        Damage.Sample((at, cut, put) =>
        {
            using var host = Host(random);
            using var client = Client();
            host.Accept(client.Token, out var challenge);
            Assert.True(client.Take(challenge));
            var damaged = Apply(client.Token, at, cut, put);
            if (damaged.AsSpan().SequenceEqual(client.Token)) return;
            Assert.Equal(LoginStep.Refused, host.Accept(damaged, out _));
        }, iter: 2000, seed: "0N0XIzNsQ0O2");
    }

    [Fact]
    public void The_client_takes_no_damaged_challenge_or_the_lab_no_answer_to_it()
    {
        using var random = RandomNumberGenerator.Create();
        Damage.Sample((at, cut, put) =>
        {
            using var host = Host(random);
            using var client = Client();
            host.Accept(client.Token, out var challenge);
            var damaged = Apply(challenge!, at, cut, put);
            if (damaged.AsSpan().SequenceEqual(challenge)) return;
            if (client.Take(damaged)) Assert.Equal(LoginStep.Refused, host.Accept(client.Token, out _));
        }, iter: 2000, seed: "0N0XIzNsQ0O2");
    }

    [Fact]
    public void A_damaged_sealed_body_is_never_opened()
    {
        using var random = RandomNumberGenerator.Create();
        Damage.Sample((at, cut, put) =>
        {
            using var host = Host(random);
            using var client = Client();
            host.Accept(client.Token, out var challenge);
            client.Take(challenge);
            host.Accept(client.Token, out _);
            var (header, data) = host.Seal("<answer/>"u8);
            var whole = SealedMessage.Write(SealedMessage.SpnegoProtocol, 9, header, data);
            var damaged = Apply(whole, at, cut, put);
            try
            {
                // What is not under the seal (the boundary, the type) may differ; what comes out may not.
                Assert.Equal("<answer/>"u8.ToArray(), client.Open(damaged).Soap);
            }
            catch (InvalidAnswerException)
            {
            }
        }, iter: 2000, seed: "0N0XIzNsQ0O2");
    }

    private static byte[] Apply(byte[] bytes, int at, int cut, byte[] put)
    {
        at = Math.Min(at, bytes.Length);
        return [.. bytes[..at], .. put, .. bytes[Math.Min(at + cut, bytes.Length)..]];
    }

    private static NtlmContext Host(RandomNumberGenerator random) =>
        new(Accounts, new LabClock(new FakeTimeProvider(new DateTimeOffset(2026, 11, 24, 0, 0, 0, TimeSpan.Zero)), () => Guid.Empty), random, null);

    private static SecuritySession Client() =>
        SecuritySession.Begin(SecuritySession.Options(Options, "NTLM", null), out NegotiateAuthenticationStatusCode _)!;
}
