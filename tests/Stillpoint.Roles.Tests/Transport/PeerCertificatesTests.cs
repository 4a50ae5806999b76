using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Time.Testing;
using Stillpoint.Transport;

namespace Stillpoint.Roles.Tests.Transport;

/// <summary>Each kind of bad certificate, one by one, beside the good one that differs from it in that point only.</summary>
public sealed class PeerCertificatesTests : IDisposable
{
    private static readonly DateTimeOffset s_now = new(2030, 5, 1, 12, 0, 0, TimeSpan.Zero);
    private readonly TemporaryFolder _folder = new();
    private readonly FakeTimeProvider _time = new(s_now);
    private readonly CertificateAuthority _authority;
    private readonly PeerCertificates _peers;

    public PeerCertificatesTests()
    {
        _authority = CertificateAuthority.LoadOrCreate(_folder.File("ca"), _time);
        _peers = new PeerCertificates(_authority.Certificate, _time);
    }

    public void Dispose()
    {
        _authority.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(PeerRoles.Client, LeafKeyKind.EcdsaP256)]
    [InlineData(PeerRoles.Client, LeafKeyKind.Rsa2048)]
    [InlineData(PeerRoles.Media, LeafKeyKind.EcdsaP256)]
    public void A_leaf_that_was_issued_is_read_with_its_name_and_role(string role, LeafKeyKind kind)
    {
        var (_, request) = RoleIdentity.Request("host-1", role, kind);
        using var leaf = X509Certificate2.CreateFromPem(_authority.Issue(request, "host-1", role));
        Assert.True(_peers.TryReadClient(leaf, out var peer, out var reason), reason);
        Assert.Equal(("host-1", role), (peer!.Name, peer.Role));
        Assert.Equal(role == PeerRoles.Media, _peers.TryReadServer(leaf, out _, out _));
    }

    [Fact]
    public void The_request_decides_neither_name_nor_role()
    {
        var (_, request) = RoleIdentity.Request("admin", PeerRoles.Primary, LeafKeyKind.EcdsaP256);
        using var leaf = X509Certificate2.CreateFromPem(_authority.Issue(request, "host-1", PeerRoles.Client));
        Assert.True(_peers.TryReadClient(leaf, out var peer, out _));
        Assert.Equal(("host-1", PeerRoles.Client), (peer!.Name, peer.Role));
    }

    [Fact]
    public void None_is_refused() => Refused(null, "no certificate");

    [Fact]
    public void The_authority_itself_is_refused() => Refused(_authority.Certificate, "authority itself");

    [Fact]
    public void Expired_and_not_yet_valid_are_refused()
    {
        using var leaf = Leaf(new Forgery());
        Assert.True(_peers.TryReadClient(leaf, out _, out var why), why);
        _time.SetUtcNow(s_now + CertificateAuthority.LeafLife + TimeSpan.FromMinutes(1));
        Refused(leaf, "NotTimeValid");

        using var early = Leaf(new Forgery { From = _time.GetUtcNow().AddHours(1), To = _time.GetUtcNow().AddDays(2) });
        Refused(early, "NotTimeValid");
    }

    [Fact]
    public void Another_authority_is_refused()
    {
        using var other = CertificateAuthority.LoadOrCreate(_folder.File("other"), _time);
        var (_, request) = RoleIdentity.Request("host-1", PeerRoles.Client, LeafKeyKind.EcdsaP256);
        using var leaf = X509Certificate2.CreateFromPem(other.Issue(request, "host-1", PeerRoles.Client));
        Refused(leaf, "not sound");
        Assert.NotEqual(other.Fingerprint, _authority.Fingerprint);
    }

    [Fact]
    public void Another_authority_of_the_same_name_is_refused()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var twin = Forgery.Authority(_authority.Certificate.Subject, key, s_now);
        using var leaf = Leaf(new Forgery { Issuer = twin });
        Assert.Equal(_authority.Certificate.SubjectName.RawData, leaf.IssuerName.RawData);
        Refused(leaf, "not sound");
    }

    [Fact]
    public void Self_signed_is_refused()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var own = Forgery.Authority("CN=host-1, OU=client", key, s_now);
        Refused(own, "not sound");
    }

    [Fact]
    public void A_leaf_below_a_leaf_or_below_an_intermediate_is_refused()
    {
        using var intermediate = Leaf(new Forgery { IsAuthority = true, KeyUsage = X509KeyUsageFlags.KeyCertSign });
        using var below = Leaf(new Forgery { Issuer = intermediate });
        Refused(below, "not sound");

        using var ordinary = Leaf(new Forgery());
        using var belowLeaf = Leaf(new Forgery { Issuer = ordinary });
        Refused(belowLeaf, "not sound");
    }

    [Fact]
    public void An_authority_as_leaf_is_refused()
    {
        using var leaf = Leaf(new Forgery { IsAuthority = true });
        Refused(leaf, "authority, not a leaf");
    }

    [Fact]
    public void A_wrong_usage_is_refused()
    {
        using var server = Leaf(new Forgery { Usage = "1.3.6.1.5.5.7.3.1" });
        Refused(server, "NotValidForUsage");
        using var none = Leaf(new Forgery { Usage = null });
        Refused(none, "usage");
    }

    [Fact]
    public void A_weak_key_is_refused()
    {
        using var weak = RSA.Create(1024);
        using var leaf = Leaf(new Forgery { Key = new CertificateRequest("CN=x", weak, HashAlgorithmName.SHA256,
            RSASignaturePadding.Pkcs1).PublicKey });
        Assert.False(_peers.TryReadClient(leaf, out _, out _));
        var request = new CertificateRequest("CN=x", weak, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSigningRequestPem();
        Assert.Throws<Stillpoint.Model.TroubleException>(() => _authority.Issue(request, "host-1", PeerRoles.Client));
    }

    [Theory]
    [InlineData("CN=host-1")]
    [InlineData("OU=client")]
    [InlineData("CN=host-1, OU=wizard")]
    [InlineData("CN=host-1, OU=client, OU=primary")]
    [InlineData("CN=host-1, CN=host-2, OU=client")]
    [InlineData("CN=host-1, OU=client, O=extra")]
    [InlineData("CN=../../etc, OU=client")]
    public void A_subject_of_anything_but_one_name_and_one_role_is_refused(string subject)
    {
        using var leaf = Leaf(new Forgery { Subject = subject });
        Refused(leaf, "subject");
    }

    [Fact]
    public void A_damaged_request_is_refused()
    {
        var (_, request) = RoleIdentity.Request("host-1", PeerRoles.Client, LeafKeyKind.EcdsaP256);
        var damaged = Convert.FromBase64String(string.Concat(request.Split('\n')[1..^1]));
        damaged[^3] ^= 1;
        foreach (var text in new[] { "", "no PEM", PemEncoding.WriteString("CERTIFICATE REQUEST", damaged), new string('x', 100_000) })
        {
            var trouble = Assert.Throws<Stillpoint.Model.TroubleException>(() => _authority.Issue(text, "host-1", PeerRoles.Client)).Trouble;
            Assert.Contains("host-1", trouble.Culprit, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_authority_is_the_same_after_a_restart()
    {
        using var again = CertificateAuthority.LoadOrCreate(_folder.File("ca"), _time);
        Assert.Equal(_authority.Fingerprint, again.Fingerprint);
        Assert.Matches("^[0-9a-f]{64}$", again.Fingerprint);
        Assert.True(TemporaryFolder.IsOwnerOnly(Path.Combine(_folder.File("ca"), "ca-key.pem")));
        File.Delete(Path.Combine(_folder.File("ca"), "ca-key.pem"));
        Assert.Throws<Stillpoint.Model.TroubleException>(() => CertificateAuthority.LoadOrCreate(_folder.File("ca"), _time));
    }

    private void Refused(X509Certificate2? leaf, string why)
    {
        Assert.False(_peers.TryReadClient(leaf, out var peer, out var reason));
        Assert.Null(peer);
        Assert.Contains(why, reason, StringComparison.Ordinal);
    }

    private X509Certificate2 Leaf(Forgery forgery) => forgery.Make(_folder.File("ca"), s_now);
}
