using Stillpoint.Chunks;
using Stillpoint.Extents;

namespace Stillpoint.Client;

/// <summary>A file of the host that goes into an image beside the disks.</summary>
internal sealed class HostFileSource(FileStream file) : IDiskSource
{
    /// <inheritdoc/>
    public long Length { get; } = file.Length;

    /// <inheritdoc/>
    public ExtentSet Data => ExtentSet.Whole(Length);

    /// <inheritdoc/>
    public async ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancel)
    {
        while (buffer.Length > 0)
        {
            var read = await RandomAccess.ReadAsync(file.SafeFileHandle, buffer, offset, cancel);
            if (read == 0) throw new EndOfStreamException($"{file.Name} became shorter while it was read.");
            offset += read;
            buffer = buffer[read..];
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => file.DisposeAsync();
}
