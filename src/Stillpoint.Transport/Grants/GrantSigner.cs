using NSec.Cryptography;
using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>Signs job grants at the primary server, Ed25519. Safe for several threads.</summary>
public sealed class GrantSigner : IDisposable
{
    private readonly Key _key;

    private GrantSigner(Key key)
    {
        _key = key;
        PublicKey = key.PublicKey.Export(KeyBlobFormat.RawPublicKey);
    }

    /// <summary>32 bytes: what media servers get in <see cref="RoleWelcome.GrantKey"/>.</summary>
    public byte[] PublicKey { get; }

    /// <summary>Loads the key from <paramref name="path"/> (32 raw bytes, owner only), or makes one where there is none.</summary>
    /// <exception cref="TroubleException">The file holds no such key.</exception>
    public static GrantSigner LoadOrCreate(string path) => new(SigningKey.LoadOrCreate(
        path, "grant key", "Restore it, or delete it: a new key is made at the next start, and grants handed out before lose their force."));

    /// <summary>The grant with its signature: the bytes of <see cref="DataAccess.Grant"/>.</summary>
    /// <exception cref="ArgumentException">A name is empty or longer than 255 bytes.</exception>
    public byte[] Sign(JobGrant grant)
    {
        ArgumentNullException.ThrowIfNull(grant);
        var body = GrantEncoding.Write(grant);
        return [.. body, .. SignatureAlgorithm.Ed25519.Sign(_key, GrantEncoding.Signed(body))];
    }

    /// <inheritdoc/>
    public void Dispose() => _key.Dispose();
}
