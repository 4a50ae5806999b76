using NSec.Cryptography;
using Stillpoint.Durable;
using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>An Ed25519 key in a file of 32 raw bytes that only its owner may read.</summary>
internal static class SigningKey
{
    /// <summary>Loads the key, or makes one where there is none.</summary>
    /// <param name="path">The file.</param>
    /// <param name="what">What it is, for errors.</param>
    /// <param name="next">What to do when it is damaged.</param>
    /// <exception cref="TroubleException">The file holds no such key.</exception>
    public static Key LoadOrCreate(string path, string what, string next)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        PrivateFolder.Ensure(Path.GetDirectoryName(Path.GetFullPath(path))!);
        var parameters = new KeyCreationParameters { ExportPolicy = KeyExportPolicies.AllowPlaintextExport };
        if (!File.Exists(path))
        {
            using var fresh = Key.Create(SignatureAlgorithm.Ed25519, parameters);
            DurableFile.Replace(path, fresh.Export(KeyBlobFormat.RawPrivateKey));
        }
        return Key.TryImport(SignatureAlgorithm.Ed25519, File.ReadAllBytes(path), KeyBlobFormat.RawPrivateKey, out var key, parameters)
            ? key!
            : throw new TroubleException($"{what} {path}", "The file holds no Ed25519 key of 32 bytes.", next);
    }
}
