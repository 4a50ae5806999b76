using System.CommandLine;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Stillpoint.HyperV;

namespace Stillpoint.Cli;

/// <summary>The options that say where a Hyper-V host is and how to log in to it.</summary>
internal static class HyperVOptions
{
    private static readonly Option<Uri> s_address = UrlOption.Create("--hyperv", "WS-Management address of the Hyper-V host.", orHttp: true);

    private static readonly Option<HostAuthentication> s_way = new("--hyperv-auth")
    {
        Description = "How to log in. Negotiate takes Kerberos where it can, else NTLM, and seals every message over HTTP; "
            + "Basic and Certificate need HTTPS.",
        HelpName = "negotiate|kerberos|basic|certificate",
        DefaultValueFactory = _ => HostAuthentication.Negotiate,
    };

    private static readonly Option<string> s_user = new("--hyperv-user")
    {
        Description = @"Account on the host, in Administrators or Hyper-V Administrators: NAME, DOMAIN\NAME or NAME@REALM. "
            + "Empty: the account that this runs as.",
        HelpName = "NAME",
        DefaultValueFactory = _ => "Administrator",
    };

    private static readonly Option<FileInfo?> s_password = new("--hyperv-password-file")
    {
        Description = "File that holds the account's password.",
        HelpName = "FILE",
    };

    private static readonly Option<string?> s_pin = new("--hyperv-fingerprint")
    {
        Description = "SHA-256 fingerprint of the host's certificate, in hex; without it --hyperv-ca or the system's trust decides.",
        HelpName = "HEX",
    };

    private static readonly Option<FileInfo?> s_authority = new("--hyperv-ca")
    {
        Description = "Certificate (PEM or DER) of the one authority that may have issued the host's.",
        HelpName = "FILE",
    };

    private static readonly Option<FileInfo?> s_certificate = new("--hyperv-certificate")
    {
        Description = "The client's own certificate with its key (PFX without a password, or PEM), for --hyperv-auth certificate.",
        HelpName = "FILE",
    };

    private static readonly Option<string?> s_principal = new("--hyperv-spn")
    {
        Description = "Kerberos name of the host's service, where the address is an alias.",
        HelpName = "HTTP/HOST",
    };

    public static IReadOnlyList<Option> All => [s_address, s_way, s_user, s_password, s_pin, s_authority, s_certificate, s_principal];

    /// <exception cref="CommandFailedException">A file cannot be read as what it should be.</exception>
    public static async Task<HyperVHostOptions> ReadAsync(ParseResult parse, CancellationToken cancel)
    {
        var way = parse.GetRequiredValue(s_way);
        var user = way == HostAuthentication.Certificate ? "" : parse.GetRequiredValue(s_user);
        var password = parse.GetValue(s_password) is { } file ? (await File.ReadAllTextAsync(file.FullName, cancel)).Trim() : "";
        return new HyperVHostOptions(parse.GetRequiredValue(s_address), user, user.Length == 0 ? "" : password, parse.GetValue(s_pin))
        {
            Authentication = way,
            CertificateAuthority = parse.GetValue(s_authority) is { } authority
                ? Load(authority, X509CertificateLoader.LoadCertificateFromFile) : null,
            ClientCertificate = parse.GetValue(s_certificate) is { } own ? Load(own, LoadWithKey) : null,
            ServicePrincipal = parse.GetValue(s_principal),
        };
    }

    private static X509Certificate2 LoadWithKey(string path)
    {
        if (X509Certificate2.GetCertContentType(path) == X509ContentType.Pkcs12)
            return X509CertificateLoader.LoadPkcs12FromFile(path, password: null);
        // Out of PEM the key is not one that every TLS takes; through PFX it is.
        using var pem = X509Certificate2.CreateFromPemFile(path);
        return X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), password: null);
    }

    private static X509Certificate2 Load(FileInfo file, Func<string, X509Certificate2> load)
    {
        try
        {
            return load(file.FullName);
        }
        catch (CryptographicException broken)
        {
            throw new CommandFailedException(ExitCodes.Failed, $"{file.Name} cannot be read as a certificate: {broken.Message}");
        }
    }
}
