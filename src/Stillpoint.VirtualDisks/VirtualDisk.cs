namespace Stillpoint.VirtualDisks;

/// <summary>A virtual disk: a run of bytes in a container file, with its chain of parents.</summary>
public abstract class VirtualDisk : IDisposable
{
    /// <summary>Virtual size in bytes.</summary>
    public abstract long Length { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases the file and its parents.</summary>
    protected abstract void Dispose(bool disposing);
}
