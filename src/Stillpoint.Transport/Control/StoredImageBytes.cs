using Stillpoint.Chunks;

namespace Stillpoint.Transport;

/// <summary>A stored image as a media server hands it to its primary: header, sealed details and notes. docs/WIRE.md, the frame "image".</summary>
public static class StoredImageBytes
{
    /// <summary>Writes one.</summary>
    public static byte[] Write(StoredImage image) => ImageWire.WriteImage(image);

    /// <summary>Reads one.</summary>
    /// <exception cref="Model.TroubleException">The bytes are no image.</exception>
    public static StoredImage Read(ReadOnlySpan<byte> bytes) => ImageWire.ReadImage(bytes);
}
