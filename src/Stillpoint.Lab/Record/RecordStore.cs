using System.Text.Json;
using Stillpoint.Durable;

namespace Stillpoint.Lab;

/// <summary>What the record says of a checkpoint, as it is kept and shown.</summary>
internal sealed record CheckpointRecord(Guid CheckpointId, Guid VmId, string Vm, CheckpointKind Kind, int Consistency, DateTimeOffset Created,
    IReadOnlyList<CheckpointDisk> Disks);

/// <summary>One disk of it.</summary>
internal sealed record CheckpointDisk(int Index, Guid Disk, string Path, DiskRecord Record);

/// <summary>The records of all disks and checkpoints, in a folder of their own.</summary>
internal sealed class RecordStore
{
    private readonly string _folder;

    public RecordStore(string folder)
    {
        _folder = folder;
        Directory.CreateDirectory(Path.Combine(folder, "checkpoints"));
    }

    /// <summary>The model of a disk.</summary>
    public FlatModel Model(Guid disk) => new(Path.Combine(_folder, disk.ToString()));

    /// <summary>Keeps the record of a checkpoint.</summary>
    public void Add(CheckpointRecord record) => DurableFile.Replace(At(record.CheckpointId), JsonSerializer.SerializeToUtf8Bytes(record));

    /// <summary>The record of a checkpoint, or null.</summary>
    public CheckpointRecord? Find(Guid checkpoint) => File.Exists(At(checkpoint)) ? Read(At(checkpoint)) : null;

    /// <summary>All records, oldest first.</summary>
    public IReadOnlyList<CheckpointRecord> List() =>
        [.. Directory.EnumerateFiles(Path.Combine(_folder, "checkpoints"), "*.json").Select(Read).OfType<CheckpointRecord>().OrderBy(r => r.Created)];

    private static CheckpointRecord? Read(string path) => JsonSerializer.Deserialize<CheckpointRecord>(File.ReadAllBytes(path));

    private string At(Guid checkpoint) => Path.Combine(_folder, "checkpoints", checkpoint + ".json");
}
