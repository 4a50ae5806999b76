using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>What a key file says without its passphrase.</summary>
/// <param name="Domain">The key domain.</param>
/// <param name="Epoch">What new things are sealed under.</param>
/// <param name="Locked">True when a passphrase locks it.</param>
public sealed record KeyLabel(Guid Domain, ushort Epoch, bool Locked);

/// <summary>An image as whoever holds the key sees it.</summary>
/// <param name="Image">What lists show; without the key no names.</param>
/// <param name="HostName">The host's own name in the image; null without the key.</param>
/// <param name="Trouble">Why the key did not open it; null when it did, or there was none.</param>
public sealed record OpenedImage(ImageSummary Image, string? HostName, Trouble? Trouble);

/// <summary>Key files, and what is sealed with their keys. The formats belong to the storage unit's code, which this project does not know; the
/// executable joins the two.</summary>
public interface IKeyFormat
{
    /// <summary>A key file's bytes.</summary>
    /// <param name="master">32 bytes.</param>
    /// <param name="passphrase">What locks it, UTF-8; null for a plain one.</param>
    byte[] Write(ReadOnlySpan<byte> master, byte[]? passphrase);

    /// <summary>What stands in a key file in the open.</summary>
    /// <exception cref="TroubleException">It is no key file.</exception>
    KeyLabel Label(ReadOnlySpan<byte> file, string path);

    /// <summary>The master in a key file, 32 bytes.</summary>
    /// <param name="file">Its bytes.</param>
    /// <param name="path">For errors.</param>
    /// <param name="passphrase">Not looked at for a plain one.</param>
    /// <exception cref="TroubleException">It is no key file, or the passphrase is missing or wrong.</exception>
    byte[] Open(ReadOnlySpan<byte> file, string path, byte[]? passphrase);

    /// <summary>The same key file at the next epoch, locked as before.</summary>
    /// <inheritdoc cref="Open"/>
    byte[] Rotate(ReadOnlySpan<byte> file, string path, byte[]? passphrase);

    /// <summary>The domain that a stored image is sealed for.</summary>
    /// <param name="stored">As a media server sent it.</param>
    /// <exception cref="TroubleException">It is no image.</exception>
    Guid DomainOf(ReadOnlySpan<byte> stored);

    /// <summary>What a stored image says.</summary>
    /// <param name="stored">As a media server sent it.</param>
    /// <param name="master">The master of its domain; null without.</param>
    /// <exception cref="TroubleException">It is no image.</exception>
    OpenedImage OpenImage(ReadOnlySpan<byte> stored, byte[]? master);
}
