using Stillpoint.Chunks;
using Stillpoint.Extents;
using Stillpoint.HyperV;
using Stillpoint.Model;
using Stillpoint.VirtualDisks;

namespace Stillpoint.Client;

/// <summary>A disk of a checkpoint, opened for reading with its whole chain. Its bytes stand still while the checkpoint stands.</summary>
internal sealed class FrozenDisk : IDiskSource
{
    private readonly VirtualDisk _disk;

    private readonly ReadPace _pace;
    private readonly TimeProvider _time;

    private FrozenDisk(VirtualDiskSetting slot, string name, VirtualDisk disk, ClientServices services) =>
        (Slot, Name, _disk, Data, _pace, _time) = (slot, name, disk, disk.Data, services.Pace, services.Time);

    /// <summary>Where it sits in the VM.</summary>
    public VirtualDiskSetting Slot { get; }

    /// <summary>Its file name, unique within the image.</summary>
    public string Name { get; }

    /// <inheritdoc/>
    public long Length => _disk.Length;

    /// <summary>512 or 4096.</summary>
    public int LogicalSectorSize => _disk.LogicalSectorSize;

    /// <summary>The container's virtual disk id.</summary>
    public Guid? VirtualDiskId => _disk.VirtualDiskId;

    /// <summary>Data-write ids of the chain, the frozen file first.</summary>
    public IReadOnlyList<Guid> ChainWriteIds => _disk.ChainWriteIds;

    /// <inheritdoc/>
    public ExtentSet Data { get; }

    /// <summary>Opens a checkpoint's disk.</summary>
    /// <exception cref="TroubleException">It is missing, held open or damaged.</exception>
    public static FrozenDisk Open(ClientServices services, VirtualDiskSetting slot, string name)
    {
        try
        {
            return new FrozenDisk(slot, name, services.Files.OpenDisk(slot.Path), services);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new TroubleException(
                $"disk {slot.Path}",
                failure.Message,
                "Check the file on the host (stillpoint disk check FILE); repair or replace the disk, then run the backup again.",
                inner: failure);
        }
    }

    /// <inheritdoc/>
    public async ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        await _pace.BeforeAsync(buffer.Length, cancel);
        var began = _time.GetTimestamp();
        try
        {
            _disk.Read(offset, buffer.Span);
        }
        catch (Exception failure) when (failure is IOException or InvalidDataException)
        {
            throw new TroubleException(
                $"disk {Slot.Path}",
                $"reading {buffer.Length} bytes at {offset} failed: {failure.Message}",
                "Check the volume and the file on the host (stillpoint disk check FILE), then run the backup again.",
                inner: failure);
        }
        _pace.After(_time.GetElapsedTime(began));
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _disk.Dispose();
        return ValueTask.CompletedTask;
    }
}
