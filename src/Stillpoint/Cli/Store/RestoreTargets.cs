using Microsoft.Win32.SafeHandles;
using Stillpoint.Chunks;
using Stillpoint.Durable;
using Stillpoint.Model;
using Stillpoint.VirtualDisks;

namespace Stillpoint.Cli;

/// <summary>Makes the files that a restore writes.</summary>
internal static class RestoreTargets
{
    /// <summary>A new file at <paramref name="path"/>, which must not exist.</summary>
    /// <param name="path">The file.</param>
    /// <param name="format">Its format.</param>
    /// <param name="length">Size of the disk, bytes.</param>
    /// <param name="details">What the image says of the disk; null for a file stream.</param>
    public static IDiskTarget Create(string path, DiskFormat format, long length, DiskDetails? details)
    {
        if (File.Exists(path) || Directory.Exists(path))
            throw new CommandFailedException(ExitCodes.Failed, $"{path} exists already.", "choose another target; a restore overwrites nothing");
        if (format == DiskFormat.Raw) return new RawTarget(path, length);
        try
        {
            return new VirtualDiskTarget(format == DiskFormat.Vhd ? Vhd(path, length) : Vhdx(path, length, details));
        }
        catch (ArgumentException e)
        {
            throw new TroubleException($"disk {path}", $"it cannot be a {format}: {e.Message}", "restore it with --format raw", inner: e);
        }
    }

    private static VirtualDisk Vhd(string path, long length) =>
        VhdFile.Create(path, new VhdCreateOptions { Length = length, NewId = Ids.New, Time = TimeProvider.System });

    private static VhdxDisk Vhdx(string path, long length, DiskDetails? details) => VhdxDisk.Create(path, new VhdxCreateOptions
    {
        Length = length,
        LogicalSectorSize = details?.LogicalSectorSize ?? 512,
        VirtualDiskId = details?.VirtualDiskId,
        NewId = Ids.New,
    });

    /// <summary>A sparse file of the disk's bytes.</summary>
    private sealed class RawTarget : IDiskTarget
    {
        private readonly SafeFileHandle _file;
        private readonly DirectFile _direct;
        private readonly string _path;

        public RawTarget(string path, long length)
        {
            _path = Path.GetFullPath(path);
            _file = File.OpenHandle(_path, FileMode.CreateNew, FileAccess.Write, FileShare.None);
            RandomAccess.SetLength(_file, length);
            _direct = new DirectFile(_file);
        }

        public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
        {
            cancel.ThrowIfCancellationRequested();
            _direct.Write(bytes.Span, offset);
            return default;
        }

        public ValueTask FinishAsync(CancellationToken cancel)
        {
            DurableFile.Sync(_file);
            DurableFile.SyncDirectory(Path.GetDirectoryName(_path)!);
            return default;
        }

        public ValueTask DisposeAsync()
        {
            _file.Dispose();
            return default;
        }
    }

    /// <summary>A virtual disk file.</summary>
    private sealed class VirtualDiskTarget(VirtualDisk disk) : IDiskTarget
    {
        public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
        {
            cancel.ThrowIfCancellationRequested();
            disk.Write(offset, bytes.Span);
            return default;
        }

        public ValueTask FinishAsync(CancellationToken cancel)
        {
            disk.Flush();
            return default;
        }

        public ValueTask DisposeAsync()
        {
            disk.Dispose();
            return default;
        }
    }
}
