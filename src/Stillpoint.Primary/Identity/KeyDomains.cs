using System.Security.Cryptography;
using Stillpoint.Durable;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>A key domain's secret. Leaves this process only inside an order to a client of that domain.</summary>
/// <param name="Id">The domain's id.</param>
/// <param name="Master">32 bytes.</param>
internal sealed record DomainKey(Guid Id, byte[] Master);

/// <summary>The masters of the key domains, one file each. A master is made when it is first needed and is on stable storage before anything
/// can be sealed with it.</summary>
internal sealed class KeyDomains(PrimaryOptions options, RandomNumberGenerator random)
{
    private readonly Lock _lock = new();
    private readonly string _folder = Path.Combine(options.DataFolder, "keys");

    /// <summary>The key of a domain; made where there is none.</summary>
    public DomainKey Get(string domain)
    {
        if (!Names.AreSound(domain)) throw new ArgumentException("not a name", nameof(domain));
        var path = Path.Combine(_folder, domain + ".key");
        lock (_lock)
        {
            if (!File.Exists(path))
            {
                Directory.CreateDirectory(_folder);
                var fresh = new byte[32];
                random.GetBytes(fresh);
                DurableFile.Replace(path, options.KeyFormat.Write(fresh));
            }
            var master = options.KeyFormat.Read(File.ReadAllBytes(path), path);
            return new DomainKey(options.KeyFormat.DomainOf(master), master);
        }
    }
}
