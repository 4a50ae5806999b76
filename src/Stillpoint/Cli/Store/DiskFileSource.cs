using Stillpoint.Chunks;
using Stillpoint.Extents;
using Stillpoint.Model;
using Stillpoint.VirtualDisks;

namespace Stillpoint.Cli;

/// <summary>A disk file of any format we read, as a source of a backup.</summary>
internal sealed class DiskFileSource : IDiskSource
{
    private readonly VirtualDisk _disk;

    private DiskFileSource(VirtualDisk disk)
    {
        _disk = disk;
        Data = disk.Data;
    }

    public long Length => _disk.Length;

    public ExtentSet Data { get; }

    public static DiskFileSource Open(string path)
    {
        if (!File.Exists(path)) throw new CommandFailedException(ExitCodes.NotFound, $"there is no disk {path}.", "name a raw, .vhd or .vhdx file that is there");
        try
        {
            return new DiskFileSource(VirtualDisk.Open(path, new DiskOpenOptions()));
        }
        catch (ForeignFormatException e)
        {
            throw new TroubleException($"disk {path}", e.Message, "convert it first, as with: qemu-img convert -O vhdx SOURCE TARGET", inner: e);
        }
        catch (AmbiguousFormatException e)
        {
            throw new TroubleException($"disk {path}", e.Message,
                $"convert it first, saying what it is: stillpoint disk convert --source-format raw|vhd|vhdx {path} NEW.vhdx", inner: e);
        }
        catch (DiskFormatException e)
        {
            throw new TroubleException($"disk {path}", e.Message, $"look at it with: stillpoint disk check {path}", inner: e);
        }
    }

    /// <summary>What the image's details say of the disk.</summary>
    public DiskDetails Details(string name, ExtentSet read, string? fullReason) => new(
        name, Path.GetFullPath(_disk.Path), SettingId: null, _disk.VirtualDiskId, _disk.ChainWriteIds, _disk.LogicalSectorSize, read, fullReason);

    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        _disk.Read(offset, buffer.Span);
        return default;
    }

    public ValueTask DisposeAsync()
    {
        _disk.Dispose();
        return default;
    }
}
