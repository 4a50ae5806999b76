using System.Security.Cryptography;
using Stillpoint.Chunks;
using Stillpoint.Model;
using Stillpoint.Primary;
using Stillpoint.Transport;

namespace Stillpoint.Cli;

/// <summary>The storage unit's key files and sealed images, for the primary server, which does not know the storage unit's code.</summary>
internal sealed class ChunkKeyFormat : IKeyFormat
{
    public byte[] Write(ReadOnlySpan<byte> master, byte[]? passphrase) => Format(new DomainMaster(master.ToArray(), 0), passphrase, new PassphraseWrap());

    public KeyLabel Label(ReadOnlySpan<byte> file, string path)
    {
        var read = KeyFile.Read(file, path);
        return new KeyLabel(read.Domain, read.Epoch, read.Wrap is not null);
    }

    public byte[] Open(ReadOnlySpan<byte> file, string path, byte[]? passphrase) => KeyFile.Read(file, path).Open(passphrase).Bytes.ToArray();

    public byte[] Rotate(ReadOnlySpan<byte> file, string path, byte[]? passphrase)
    {
        var read = KeyFile.Read(file, path);
        var next = read.Open(passphrase).Rotate();
        return Format(next, read.Wrap is null ? null : passphrase, read.Wrap);
    }

    public Guid DomainOf(ReadOnlySpan<byte> stored) => StoredImageBytes.Read(stored).Header.Domain;

    public OpenedImage OpenImage(ReadOnlySpan<byte> stored, byte[]? master)
    {
        var image = StoredImageBytes.Read(stored);
        if (master is null) return new OpenedImage(ImageSummaries.Of(image, null), null, null);
        using var keys = new DomainKeys(master);
        var (summary, trouble) = ImageSummaries.TryOf(image, keys);
        return new OpenedImage(summary, trouble is null ? ImageDetailsCodec.Open(keys, image).Host : null, trouble);
    }

    private static byte[] Format(DomainMaster master, byte[]? passphrase, PassphraseWrap? wrap)
    {
        if (passphrase is null) return KeyFile.Format(master);
        using var random = RandomNumberGenerator.Create();
        return KeyFile.Format(master, passphrase, wrap ?? new PassphraseWrap(), random);
    }
}
