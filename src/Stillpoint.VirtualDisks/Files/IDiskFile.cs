namespace Stillpoint.VirtualDisks;

/// <summary>
/// A container file as the formats see it. Every byte that a format writes goes through <see cref="Write"/> and <see cref="SetLength"/>,
/// every promise through <see cref="Sync"/>: what lies between two syncs may reach the disk in any order, or in part.
/// </summary>
internal interface IDiskFile : IDisposable
{
    /// <summary>The file's path, for messages.</summary>
    string Path { get; }

    /// <summary>Size in bytes.</summary>
    long Length { get; }

    /// <summary>Fills the buffer.</summary>
    /// <exception cref="DiskFormatException">The file ends before.</exception>
    void Read(long offset, Span<byte> buffer);

    void Write(long offset, ReadOnlySpan<byte> bytes);

    /// <summary>Cuts the file, or lengthens it by bytes that read as zero.</summary>
    void SetLength(long length);

    /// <summary>Returns when all that was written is on stable storage.</summary>
    void Sync();

    /// <summary>Lets the system begin to put down what was written; promises nothing.</summary>
    void StartSync()
    {
    }

    /// <summary>First byte at or after <paramref name="offset"/> that may be other than zero; <paramref name="end"/> when there is none before it.</summary>
    long NextData(long offset, long end);

    /// <summary>First byte at or after <paramref name="offset"/> that is known to lie in a hole; <paramref name="end"/> when there is none before it.</summary>
    long NextHole(long offset, long end);
}
