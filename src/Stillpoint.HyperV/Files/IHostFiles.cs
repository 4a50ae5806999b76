using Stillpoint.VirtualDisks;

namespace Stillpoint.HyperV;

/// <summary>
/// Files of a Hyper-V host, by host paths (drive letters, <c>C:\ClusterStorage\…</c>, UNC), without regard to case. A file that the host
/// holds open exclusively fails with <see cref="IOException"/> whose <c>HResult</c> is 0x80070020 (sharing violation).
/// </summary>
public interface IHostFiles
{
    /// <summary>Opens a virtual disk with its whole chain of parents for reading.</summary>
    VirtualDisk OpenDisk(string hostPath);

    /// <summary>Opens a virtual disk that no VM holds for writing, its parents for reading.</summary>
    VirtualDisk OpenWritable(string hostPath);

    /// <summary>Creates a dynamic VHDX for a restore; fails when the file is there.</summary>
    VirtualDisk CreateDisk(string hostPath, long length, int logicalSectorSize);

    /// <summary>Opens a file for reading.</summary>
    FileStream OpenRead(string hostPath);

    /// <summary>Creates a file, and its folder, for writing; fails when the file is there.</summary>
    FileStream Create(string hostPath);

    /// <summary>True when the file is there.</summary>
    bool Exists(string hostPath);

    /// <summary>Deletes a file; nothing happens when it is not there.</summary>
    void Delete(string hostPath);

    /// <summary>Deletes a folder when it is empty.</summary>
    void DeleteFolderIfEmpty(string hostPath);

    /// <summary>Files of a folder whose names match a pattern with <c>*</c>; host paths.</summary>
    IReadOnlyList<string> List(string hostFolder, string pattern);

    /// <summary>Size of the file in bytes, as the directory tells it.</summary>
    long Length(string hostPath);

    /// <summary>Free and total bytes of the volume that holds a path.</summary>
    VolumeSpace Space(string hostPath);
}

/// <summary>How full a volume is.</summary>
/// <param name="FreeBytes">Bytes that can still be written.</param>
/// <param name="TotalBytes">Size of the volume.</param>
public readonly record struct VolumeSpace(long FreeBytes, long TotalBytes);
