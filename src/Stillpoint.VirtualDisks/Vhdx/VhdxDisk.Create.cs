namespace Stillpoint.VirtualDisks;

/// <content>New files.</content>
public sealed partial class VhdxDisk
{
    /// <summary>Makes a VHDX file, which must not be there yet, and opens it for writing. All of it reads as zero, or as its parent.</summary>
    /// <exception cref="ArgumentException">The options contradict the format.</exception>
    /// <exception cref="IOException">The file is there, or cannot be written.</exception>
    public static VhdxDisk Create(string path, VhdxCreateOptions options)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(options);
        return VhdxCreation.Create(path, options);
    }
}
