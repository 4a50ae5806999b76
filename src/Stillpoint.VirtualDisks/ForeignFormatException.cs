namespace Stillpoint.VirtualDisks;

/// <summary>A disk's file is of a format that is not read or written here; nothing is wrong with it.</summary>
public sealed class ForeignFormatException : IOException
{
    /// <param name="path">The file.</param>
    /// <param name="format">What people call its format.</param>
    public ForeignFormatException(string path, string format)
        : base($"{path} is a {format} file; VHDX, VHD and raw are read and written, {format} is not.") => Format = format;

    /// <summary>What people call the format.</summary>
    public string Format { get; }
}
