using CsCheck;
using Microsoft.Extensions.Time.Testing;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Roles.Tests.Transport;

public sealed class GrantTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2030, 5, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly GrantSigner _signer;
    private readonly GrantVerifier _verifier;

    public GrantTests()
    {
        _signer = GrantSigner.LoadOrCreate(_folder.File("grant.key"));
        _verifier = new GrantVerifier(_signer.PublicKey, _time);
    }

    public void Dispose()
    {
        _signer.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void What_was_signed_is_read_back()
    {
        var id = Gen.Guid;
        Gen.Select(id, id, id, id, Gen.Bool, Gen.Int[0, 100_000], Gen.String[Gen.Char.AlphaNumeric, 1, 60]).Sample(
            (job, vm, image, domain, backup, minutes, name) =>
            {
                var grant = new JobGrant(backup ? GrantKind.Backup : GrantKind.Restore, job, name, vm, image, domain, "ünit-" + name,
                    _time.GetUtcNow().AddMinutes(minutes));
                return _verifier.Verify(_signer.Sign(grant), name) == grant;
            }, seed: "0N0XIzNsQ0O2", iter: 300);
    }

    [Fact]
    public void The_key_is_the_same_after_a_restart_and_is_for_the_owner_only()
    {
        using var again = GrantSigner.LoadOrCreate(_folder.File("grant.key"));
        Assert.Equal(_signer.PublicKey, again.PublicKey);
        Assert.True(TemporaryFolder.IsOwnerOnly(_folder.File("grant.key")));
        File.WriteAllText(_folder.File("bad.key"), "short");
        Assert.Throws<TroubleException>(() => GrantSigner.LoadOrCreate(_folder.File("bad.key")));
    }

    [Fact]
    public void Every_changed_bit_is_refused()
    {
        var bytes = _signer.Sign(Grant());
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            var forged = (byte[])bytes.Clone();
            forged[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Throws<TroubleException>(() => _verifier.Verify(forged, "host-1"));
        }
    }

    [Fact]
    public void Every_cut_and_every_addition_is_refused()
    {
        var bytes = _signer.Sign(Grant());
        for (var length = 0; length < bytes.Length; length++) Assert.Throws<TroubleException>(() =>
            _verifier.Verify(bytes.AsSpan(0, length), "host-1"));
        Assert.Throws<TroubleException>(() => _verifier.Verify([.. bytes, 0], "host-1"));
    }

    [Fact]
    public void Another_holder_is_refused_by_name() => Refused(_signer.Sign(Grant()), "host-2", "made for 'host-1'");

    [Fact]
    public void Another_primary_is_refused()
    {
        using var other = GrantSigner.LoadOrCreate(_folder.File("other.key"));
        Refused(other.Sign(Grant()), "host-1", "not signed by this primary");
    }

    [Fact]
    public void It_holds_to_its_last_moment_and_not_longer()
    {
        var bytes = _signer.Sign(Grant());
        _time.Advance(TimeSpan.FromHours(12));
        Assert.Equal("host-1", _verifier.Verify(bytes, "host-1").Holder);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Refused(bytes, "host-1", "expired");
    }

    private void Refused(byte[] bytes, string holder, string why)
    {
        var trouble = Assert.Throws<TroubleException>(() => _verifier.Verify(bytes, holder)).Trouble;
        Assert.Contains(why, trouble.Message, StringComparison.Ordinal);
        Assert.Equal($"client {holder}", trouble.Culprit);
        Assert.False(trouble.Retry);
    }

    private JobGrant Grant() => new(GrantKind.Backup, new Guid(1, 0, 0, new byte[8]), "host-1", new Guid(2, 0, 0, new byte[8]),
        new Guid(3, 0, 0, new byte[8]), new Guid(4, 0, 0, new byte[8]), "unit-1", _time.GetUtcNow().AddHours(12));
}
