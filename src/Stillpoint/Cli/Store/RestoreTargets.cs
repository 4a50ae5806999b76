using Microsoft.Win32.SafeHandles;
using Stillpoint.Chunks;
using Stillpoint.Durable;
using Stillpoint.Model;
using Stillpoint.VirtualDisks;

namespace Stillpoint.Cli;

/// <summary>Makes the files that a restore writes.</summary>
internal static class RestoreTargets
{
    /// <summary>A file that is to be made at <paramref name="path"/>, which must not exist; a restore overwrites nothing.</summary>
    public static PartialFile Begin(string path) => Path.Exists(path)
        ? throw new CommandFailedException(ExitCodes.Failed, $"{path} exists already.", "choose another target; a restore overwrites nothing")
        : PartialFile.Begin(path, Ids.New);

    /// <summary>Makes the file, still under the name that it has meanwhile, and opens it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="partial">Its name until it is whole.</param>
    /// <param name="format">Its format.</param>
    /// <param name="length">Size of the disk, bytes.</param>
    /// <param name="details">What the image says of the disk; null for a file stream.</param>
    public static IDiskTarget Create(string path, string partial, DiskFormat format, long length, DiskDetails? details)
    {
        if (format == DiskFormat.Raw) return RawTarget.Create(partial, length);
        try
        {
            return new VirtualDiskTarget(format == DiskFormat.Vhd ? Vhd(partial, length) : Vhdx(partial, length, details));
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
    private sealed class RawTarget(SafeFileHandle file) : IDiskTarget
    {
        private readonly DirectFile _direct = new(file);

        public static RawTarget Create(string path, long length)
        {
            var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.None);
            try
            {
                RandomAccess.SetLength(file, length);
                return new RawTarget(file);
            }
            catch
            {
                file.Dispose();
                throw;
            }
        }

        public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
        {
            cancel.ThrowIfCancellationRequested();
            _direct.Write(bytes.Span, offset);
            return default;
        }

        public ValueTask FinishAsync(CancellationToken cancel)
        {
            DurableFile.Sync(file);
            return default;
        }

        public ValueTask DisposeAsync()
        {
            file.Dispose();
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
