using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Stillpoint.Durable;

namespace Stillpoint.Lab;

/// <summary>The lab's certificate and the administrator's password, made at its first start and kept.</summary>
internal sealed class LabIdentity
{
    private const int PasswordBytes = 18;
    private const int KeyBits = 2048;
    private const int Years = 10;

    private LabIdentity(X509Certificate2 certificate, string password)
    {
        Certificate = certificate;
        Administrator = new LabAccount("Administrator", password, AccountRights.Administrator);
    }

    /// <summary>The account that every lab has.</summary>
    public LabAccount Administrator { get; }

    /// <summary>Certificate with its key.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>Reads the identity, or makes it.</summary>
    public static LabIdentity Load(string folder, LabClock clock, RandomNumberGenerator random)
    {
        var file = Path.Combine(folder, "certificate.pfx");
        if (!File.Exists(file)) DurableFile.Replace(file, MakeCertificate(clock.Now));
        var certificate = X509CertificateLoader.LoadPkcs12FromFile(file, password: null);
        DurableFile.Replace(Path.Combine(folder, "certificate.sha256"),
            Encoding.ASCII.GetBytes(certificate.GetCertHashString(HashAlgorithmName.SHA256) + "\n"));
        var passwordFile = Path.Combine(folder, "password");
        if (!File.Exists(passwordFile)) DurableFile.Replace(passwordFile, Encoding.ASCII.GetBytes(MakePassword(random)));
        return new LabIdentity(certificate, File.ReadAllText(passwordFile).Trim());
    }

    private static string MakePassword(RandomNumberGenerator random)
    {
        var bytes = new byte[PasswordBytes];
        random.GetBytes(bytes);
        return Convert.ToBase64String(bytes).Replace('+', '-').Replace('/', '_');
    }

    private static byte[] MakeCertificate(DateTimeOffset now)
    {
        using var key = RSA.Create(KeyBits);
        var request = new CertificateRequest($"CN={CimSource.HostName}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddDnsName(CimSource.HostName);
        names.AddIpAddress(IPAddress.Loopback);
        names.AddIpAddress(IPAddress.IPv6Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], critical: false));
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddYears(Years));
        return certificate.Export(X509ContentType.Pfx);
    }
}
