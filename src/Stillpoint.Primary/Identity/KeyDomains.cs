using System.Security.Cryptography;
using Stillpoint.Durable;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>A key domain's secret. Leaves this process only inside an order to a client of that domain.</summary>
/// <param name="Name">The domain's name here.</param>
/// <param name="Id">The domain's id.</param>
/// <param name="Master">32 bytes.</param>
/// <param name="Epoch">What new things are sealed under.</param>
internal sealed record DomainKey(string Name, Guid Id, byte[] Master, ushort Epoch);

/// <summary>
/// The key store: the masters of the key domains, one key file each, plain or locked by the store's passphrase. A master is made when a backup
/// first needs it and is on stable storage before anything can be sealed with it. Files are read anew at each use, so that a key file that was
/// rotated, locked or brought back from a recovery kit counts at once.
/// </summary>
internal sealed class KeyDomains(PrimaryOptions options, RandomNumberGenerator random)
{
    private const int MostBytes = 4096;
    private const string Ending = ".key";

    private readonly Lock _lock = new();
    private readonly string _folder = Path.Combine(options.DataFolder, "keys");
    private readonly Dictionary<string, (byte[] File, DomainKey Key)> _open = [];

    /// <summary>The key of a domain; made where there is none.</summary>
    public DomainKey GetOrMake(string domain)
    {
        lock (_lock)
        {
            var path = PathOf(domain);
            if (!File.Exists(path))
            {
                Directory.CreateDirectory(_folder);
                var fresh = new byte[32];
                random.GetBytes(fresh);
                DurableFile.Replace(path, options.KeyFormat.Write(fresh, options.KeyPassphrase));
            }
            return Read(domain, path);
        }
    }

    /// <summary>The key of a domain that has one.</summary>
    /// <exception cref="TroubleException">There is none, or its file does not open.</exception>
    public DomainKey Get(string domain)
    {
        lock (_lock)
        {
            var path = PathOf(domain);
            if (File.Exists(path)) return Read(domain, path);
            throw new TroubleException($"key domain {domain}", "The primary server has no key for it.",
                $"Bring its key file back as {path}: from a copy, or from the recovery kit (stillpoint store kit open KIT --to FILE); "
                    + "then run: stillpoint storage-unit rebuild.");
        }
    }

    /// <summary>The key of the domain with that id; null where the store has none.</summary>
    /// <exception cref="TroubleException">Its file does not open.</exception>
    public DomainKey? Find(Guid id)
    {
        lock (_lock)
        {
            var label = Labels().FirstOrDefault(l => l.Label.Domain == id);
            return label.Name is null ? null : Read(label.Name, PathOf(label.Name));
        }
    }

    /// <summary>All domains by name, and what their files say in the open.</summary>
    public IReadOnlyList<(string Name, KeyLabel Label)> List()
    {
        lock (_lock) return [.. Labels()];
    }

    /// <summary>Begins the next epoch of a domain: what jobs that are handed out from now on write lies under a new data key.</summary>
    /// <exception cref="TroubleException">There is no such key, or its file does not open.</exception>
    public DomainKey Rotate(string domain)
    {
        lock (_lock)
        {
            var before = Get(domain);
            var path = PathOf(domain);
            var rotated = options.KeyFormat.Rotate(File.ReadAllBytes(path), path, options.KeyPassphrase);
            // A file that did not read back would lock everybody out.
            var master = options.KeyFormat.Open(rotated, path, options.KeyPassphrase);
            if (!CryptographicOperations.FixedTimeEquals(master, before.Master))
                throw new InvalidOperationException("the rotated key file holds another key");
            DurableFile.Replace(path, rotated);
            return Read(domain, path);
        }
    }

    /// <summary>Refuses to begin where keys are locked and nothing opens them: jobs would fail one by one.</summary>
    /// <exception cref="TroubleException">It is so.</exception>
    public void Check()
    {
        foreach (var (name, label) in List().Where(l => l.Label.Locked))
        {
            if (options.KeyPassphrase is not null) _ = Get(name);
            else
            {
                throw new TroubleException(
                    $"key domain {name}", "A passphrase locks its key file, and none was given.", "Give --passphrase-file FILE.");
            }
            return;
        }
    }

    private string PathOf(string domain) =>
        Names.AreSound(domain) ? Path.Combine(_folder, domain + Ending) : throw new ArgumentException("not a name", nameof(domain));

    private IEnumerable<(string Name, KeyLabel Label)> Labels()
    {
        if (!Directory.Exists(_folder)) yield break;
        foreach (var path in Directory.EnumerateFiles(_folder, "*" + Ending).Order(StringComparer.Ordinal))
        {
            var name = Path.GetFileNameWithoutExtension(path);
            if (!Names.AreSound(name) || new FileInfo(path).Length > MostBytes) continue;
            KeyLabel label;
            try
            {
                label = options.KeyFormat.Label(File.ReadAllBytes(path), path);
            }
            catch (TroubleException)
            {
                // Another key than a domain's, as that of the grants; or one that is damaged, which is told when it is needed.
                continue;
            }
            yield return (name, label);
        }
    }

    private DomainKey Read(string domain, string path)
    {
        var file = File.ReadAllBytes(path);
        // A locked file is made to open slowly: it is opened once, until it changes.
        if (_open.TryGetValue(domain, out var known) && known.File.AsSpan().SequenceEqual(file)) return known.Key;
        var label = options.KeyFormat.Label(file, path);
        var key = new DomainKey(domain, label.Domain, options.KeyFormat.Open(file, path, options.KeyPassphrase), label.Epoch);
        _open[domain] = (file, key);
        return key;
    }
}
