using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Stillpoint.Lab;

namespace Stillpoint.HyperV.Tests.Login;

/// <summary>A lab that listens on HTTP and HTTPS and has accounts of several kinds.</summary>
public sealed class LoginLab : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("stillpoint-login-").FullName;

    internal LabServer Lab { get; private set; } = null!;

    /// <summary>The certificate that the lab maps to an account, and one that it does not.</summary>
    internal X509Certificate2 Mapped { get; } = Certificates.Client("backup");

    internal X509Certificate2 Unmapped { get; } = Certificates.Client("stranger");

    /// <summary>Further accounts.</summary>
    internal IReadOnlyList<LabAccount> More { get; init; } = [];

    internal string Password { get; private set; } = "";

    internal Uri Http => new(Lab.HttpAddress!, "/wsman");

    internal Uri Https => new(Lab.Address, "/wsman");

    /// <summary>Over HTTP, by Negotiate, as the administrator.</summary>
    internal HyperVHostOptions Sealed => new(Http, "Administrator", Password);

    /// <summary>Over HTTPS, by Negotiate, as the administrator.</summary>
    internal HyperVHostOptions Tls => new(Https, "Administrator", Password, Lab.Fingerprint);

    public async ValueTask InitializeAsync()
    {
        var disk = Path.Combine(_folder, "web.raw");
        await File.WriteAllBytesAsync(disk, new byte[8 << 20]);
        using var random = RandomNumberGenerator.Create();
        Lab = await LabServer.StartAsync(new LabOptions
        {
            DataFolder = Path.Combine(_folder, "lab"),
            WithFixtures = false,
            Machines = [new("web", [disk])],
            Listen = new IPEndPoint(IPAddress.Loopback, 0),
            ListenHttp = new IPEndPoint(IPAddress.Loopback, 0),
            Accounts =
            [
                new("operator", "Grüße aus Köln", AccountRights.Administrator),
                new("filtered", "filtered-1", AccountRights.Filtered),
                new("certificate " + Mapped.GetCertHashString(HashAlgorithmName.SHA256), null, AccountRights.Administrator),
                .. More,
            ],
            JobTime = TimeSpan.FromMilliseconds(10),
            MergeDelay = TimeSpan.FromMilliseconds(10),
            NewId = NewId,
            Random = random,
        });
        Password = File.ReadAllText(Path.Combine(_folder, "lab", "password")).Trim();
    }

    public async ValueTask DisposeAsync()
    {
        await Lab.DisposeAsync();
        Mapped.Dispose();
        Unmapped.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    internal static IHyperVHost Open(HyperVHostOptions options) => HyperVHostFactory.Create(options, TimeProvider.System, NewId);

    internal static Guid NewId() => new(RandomNumberGenerator.GetBytes(16));
}
