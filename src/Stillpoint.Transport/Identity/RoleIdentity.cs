using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Stillpoint.Durable;
using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>
/// Who a process is: its leaf with the private key, and the authority that it trusts. Kept in one file, <c>identity.pem</c> (key, leaf,
/// authority, in this order; owner only), so that a crash leaves the old identity or the new one and never half of each.
/// </summary>
public sealed class RoleIdentity : IDisposable
{
    /// <summary>The file's name inside a role's data folder.</summary>
    public const string FileName = "identity.pem";

    private const int MaxFile = 64 * 1024;

    private RoleIdentity(X509Certificate2 leaf, X509Certificate2 authority, Peer self, TimeProvider time)
    {
        Certificate = leaf;
        Authority = authority;
        Self = self;
        Peers = new PeerCertificates(authority, time);
        Context = SslStreamCertificateContext.Create(leaf, [authority], offline: true);
    }

    /// <summary>The leaf with its key.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>The pinned authority.</summary>
    public X509Certificate2 Authority { get; }

    /// <summary>Our own name and role.</summary>
    public Peer Self { get; }

    /// <summary>The check for those at the other end.</summary>
    public PeerCertificates Peers { get; }

    /// <summary>What TLS presents.</summary>
    public SslStreamCertificateContext Context { get; }

    /// <summary>True when <paramref name="folder"/> holds an identity.</summary>
    public static bool Exists(string folder) => File.Exists(Path.Combine(folder, FileName));

    /// <summary>Removes the identity of a folder: the role must join again.</summary>
    public static void Forget(string folder) => File.Delete(Path.Combine(folder, FileName));

    /// <summary>Reads the identity of <paramref name="folder"/>.</summary>
    /// <exception cref="TroubleException">There is none, it is damaged, or its parts do not belong together.</exception>
    public static RoleIdentity Load(string folder, TimeProvider time)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            throw new TroubleException($"identity {path}", "There is none yet.",
                "Join with a token: --primary, --fingerprint and --join-token-file.");
        }
        if (new FileInfo(path).Length > MaxFile) throw Damaged(path, $"it is longer than {MaxFile} bytes", null);
        return Read(File.ReadAllText(path), path, time);
    }

    /// <summary>Keeps an identity in <paramref name="folder"/>, durably and in one step, after the same checks as <see cref="Load"/>.</summary>
    /// <param name="folder">The role's data folder; made when it is absent.</param>
    /// <param name="keyPem">PKCS#8, PEM.</param>
    /// <param name="certificatePem">The leaf.</param>
    /// <param name="authorityPem">The authority.</param>
    /// <param name="time">What validity is judged by.</param>
    public static RoleIdentity Save(string folder, string keyPem, string certificatePem, string authorityPem, TimeProvider time)
    {
        var text = $"{keyPem.Trim()}\n{certificatePem.Trim()}\n{authorityPem.Trim()}\n";
        var path = Path.Combine(folder, FileName);
        var identity = Read(text, path, time);
        PrivateFolder.Ensure(folder);
        DurableFile.Replace(path, Encoding.ASCII.GetBytes(text));
        return identity;
    }

    /// <summary>An identity in memory, straight from the authority: for roles that run in the primary's own process.</summary>
    public static RoleIdentity Issue(CertificateAuthority authority, string name, string role, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(authority);
        var (key, request) = Request(name, role, LeafKeyKind.EcdsaP256);
        return Read($"{key}\n{authority.Issue(request, name, role)}\n{authority.Pem}\n", "in memory", time);
    }

    /// <summary>True from two thirds of the leaf's life on.</summary>
    public bool NeedsRenewal(DateTimeOffset now)
    {
        var from = new DateTimeOffset(Certificate.NotBefore.ToUniversalTime());
        var to = new DateTimeOffset(Certificate.NotAfter.ToUniversalTime());
        return now >= from + ((to - from) * 2 / 3);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Certificate.Dispose();
        Authority.Dispose();
    }

    /// <summary>A fresh key and the request for its leaf, both PEM.</summary>
    internal static (string KeyPem, string CsrPem) Request(string name, string role, LeafKeyKind kind)
    {
        using var key = LeafKey.Create(kind);
        var request = LeafKey.Request(key, LeafSubject.Write(name, role));
        return (key.ExportPkcs8PrivateKeyPem(), request.CreateSigningRequestPem());
    }

    private static RoleIdentity Read(string text, string path, TimeProvider time)
    {
        try
        {
            var certificates = new X509Certificate2Collection();
            certificates.ImportFromPem(text);
            if (certificates.Count != 2) throw Damaged(path, $"it holds {certificates.Count} certificates and should hold 2", null);
            using var bare = certificates[0];
            if (!LeafSubject.TryRead(bare.SubjectName, out var name, out var role))
                throw Damaged(path, "its subject is not one name and one role", null);
            using var key = ReadKey(text, bare);
            return new RoleIdentity(LeafKey.Join(bare, key), certificates[1], new Peer(name, role, bare.SerialNumber), time);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw Damaged(path, e.Message, e);
        }
    }

    private static AsymmetricAlgorithm ReadKey(string text, X509Certificate2 leaf)
    {
        using var rsaKey = leaf.PublicKey.GetRSAPublicKey();
        AsymmetricAlgorithm key = rsaKey is null ? ECDsa.Create() : RSA.Create();
        try
        {
            // The file holds three PEM blocks; the import takes text with one key in it.
            var field = PemEncoding.Find(text);
            key.ImportFromPem(text.AsSpan(field.Location));
            return key;
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    private static TroubleException Damaged(string path, string why, Exception? inner) =>
        new($"identity {path}", $"It cannot be used: {why}.", "Delete the file and join again with a new token.", inner: inner);
}
