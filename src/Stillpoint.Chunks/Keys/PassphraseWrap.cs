using System.Security.Cryptography;
using NSec.Cryptography;
using Stillpoint.Model;

namespace Stillpoint.Chunks;

/// <summary>
/// A small secret under a passphrase: Argon2id (RFC 9106) makes the key of AES-256-GCM from the passphrase's UTF-8 bytes and a salt that is
/// used once, so the nonce is zero. The parameters lie beside it in the open and are authenticated. They have a floor, so that a file that
/// was weakened is not taken, and a ceiling, so that a hostile one costs neither all memory nor all day.
/// </summary>
/// <param name="MemoryKiB">Memory of Argon2id, KiB: 65,536 to 1,048,576.</param>
/// <param name="Passes">Passes of Argon2id: 3 to 16. Lanes: always 1.</param>
public sealed record PassphraseWrap(int MemoryKiB = PassphraseWrap.LeastMemoryKiB, int Passes = PassphraseWrap.LeastPasses)
{
    /// <summary>Floor and ceiling of the memory, KiB.</summary>
    public const int LeastMemoryKiB = 64 << 10, MostMemoryKiB = 1 << 20;

    /// <summary>Floor and ceiling of the passes.</summary>
    public const int LeastPasses = 3, MostPasses = 16;

    /// <summary>Bytes of the salt.</summary>
    public const int SaltSize = 16;

    /// <summary>Fewest and most bytes of a passphrase that something new is wrapped with.</summary>
    public const int LeastPassphrase = 8, MostPassphrase = 1024;

    /// <summary>True when both are within their bounds.</summary>
    public bool IsSound => MemoryKiB is >= LeastMemoryKiB and <= MostMemoryKiB && Passes is >= LeastPasses and <= MostPasses;

    /// <summary>Seals a secret.</summary>
    /// <param name="passphrase">UTF-8.</param>
    /// <param name="salt">16 random bytes, never used again.</param>
    /// <param name="open">What lies beside it in the open and must come back unchanged.</param>
    /// <param name="plain">The secret.</param>
    /// <returns>Cipher text and 16-byte tag.</returns>
    /// <exception cref="TroubleException">The passphrase is too short or too long.</exception>
    public byte[] Seal(ReadOnlySpan<byte> passphrase, ReadOnlySpan<byte> salt, ReadOnlySpan<byte> open, ReadOnlySpan<byte> plain)
    {
        if (passphrase.Length is < LeastPassphrase or > MostPassphrase)
            throw new TroubleException("passphrase", $"it has {passphrase.Length} bytes.", $"choose one of {LeastPassphrase} to {MostPassphrase} bytes; several words are best");
        var bytes = new byte[plain.Length + StoreFormat.TagSize];
        using var cipher = Cipher(passphrase, salt);
        cipher.Encrypt(new byte[12], plain, bytes.AsSpan(0, plain.Length), bytes.AsSpan(plain.Length), open);
        return bytes;
    }

    /// <summary>The secret; null when the passphrase is another, or something was altered.</summary>
    public byte[]? Open(ReadOnlySpan<byte> passphrase, ReadOnlySpan<byte> salt, ReadOnlySpan<byte> open, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < StoreFormat.TagSize || passphrase.Length > MostPassphrase) return null;
        var plain = new byte[bytes.Length - StoreFormat.TagSize];
        using var cipher = Cipher(passphrase, salt);
        try
        {
            cipher.Decrypt(new byte[12], bytes[..plain.Length], bytes[plain.Length..], plain, open);
            return plain;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }

    private AesGcm Cipher(ReadOnlySpan<byte> passphrase, ReadOnlySpan<byte> salt)
    {
        if (!IsSound) throw new InvalidOperationException("Argon2id parameters out of bounds");
        var parameters = new Argon2Parameters { DegreeOfParallelism = 1, MemorySize = MemoryKiB, NumberOfPasses = Passes };
        var key = new Argon2id(parameters).DeriveBytes(passphrase, salt, 32);
        try
        {
            return new AesGcm(key, StoreFormat.TagSize);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }
}
