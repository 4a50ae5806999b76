using NSec.Cryptography;
using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>Checks job grants at a media server. Safe for several threads.</summary>
public sealed class GrantVerifier
{
    private const string Again = "Start the job again: the primary server makes a new grant for each run.";
    private readonly PublicKey _key;
    private readonly TimeProvider _time;

    /// <param name="publicKey">The primary's key, 32 bytes: <see cref="RoleWelcome.GrantKey"/>.</param>
    /// <param name="time">What expiry is judged by.</param>
    /// <exception cref="ArgumentException">It is no Ed25519 public key.</exception>
    public GrantVerifier(byte[] publicKey, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(publicKey);
        ArgumentNullException.ThrowIfNull(time);
        _key = PublicKey.TryImport(SignatureAlgorithm.Ed25519, publicKey, KeyBlobFormat.RawPublicKey, out var key)
            ? key!
            : throw new ArgumentException("Not an Ed25519 public key of 32 bytes.", nameof(publicKey));
        _time = time;
    }

    /// <summary>The grant, when it is genuine, in force, and made for <paramref name="holder"/>.</summary>
    /// <param name="bytes">What the client showed.</param>
    /// <param name="holder">Name in the client's certificate.</param>
    /// <exception cref="TroubleException">It is refused; the message says why.</exception>
    public JobGrant Verify(ReadOnlySpan<byte> bytes, string holder)
    {
        if (bytes.Length is <= GrantEncoding.SignatureSize or > GrantEncoding.MaxSize)
        {
            throw Refused(holder, "It showed something that is no job grant.", Again);
        }
        if (bytes[0] != GrantEncoding.Version)
        {
            throw Refused(holder, $"Its job grant has version {bytes[0]}; this media server knows version {GrantEncoding.Version}.",
                "Bring primary and media server to the same version.");
        }
        var body = bytes[..^GrantEncoding.SignatureSize];
        if (!SignatureAlgorithm.Ed25519.Verify(_key, GrantEncoding.Signed(body), bytes[^GrantEncoding.SignatureSize..]))
        {
            throw Refused(holder, "Its job grant was not signed by this primary server.", Again);
        }
        if (!GrantEncoding.TryRead(body, out var grant)) throw Refused(holder, "Its job grant cannot be read.", Again);
        if (grant.Holder != holder)
        {
            throw Refused(holder, $"Its job grant was made for '{grant.Holder}'.",
                "A grant serves only the host that it names; look at the audit log.");
        }
        if (_time.GetUtcNow() > grant.NotAfter) throw Refused(holder, $"Its job grant expired at {grant.NotAfter:u}.", Again);
        return grant;
    }

    private static TroubleException Refused(string holder, string message, string next) => new($"client {holder}", message, next);
}
