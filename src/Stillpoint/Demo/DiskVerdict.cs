namespace Stillpoint.Demo;

/// <summary>Disks that were restored: the files on the host, and which disks of the VM they are.</summary>
/// <param name="What">What was restored, for a reader.</param>
/// <param name="Files">The files as the host names them, one a disk.</param>
/// <param name="FirstDisk">Index of the first of them among the VM's disks; the others follow.</param>
internal sealed record RestoredDisks(string What, IReadOnlyList<string> Files, int FirstDisk);

/// <summary>One restored disk, held by the lab against its own record of the checkpoint that was backed up.</summary>
internal sealed record DiskVerdict(string What, int Disk, LabComparison Result)
{
    /// <summary>True when size and every byte are the same.</summary>
    public bool Identical => Result.Identical;

    /// <summary>The finding, short.</summary>
    public string Finding => Identical ? "identical" : $"DIFFERS from byte {Result.FirstDifferenceOffset}";

    /// <summary>Has the lab compare each restored disk.</summary>
    public static async Task<IReadOnlyList<DiskVerdict>> OfAsync(LabClient lab, Guid checkpoint, RestoredDisks restored, CancellationToken cancel)
    {
        var verdicts = new List<DiskVerdict>();
        foreach (var file in restored.Files)
        {
            var disk = restored.FirstDisk + verdicts.Count;
            verdicts.Add(new DiskVerdict(restored.What, disk, await lab.CompareAsync(checkpoint, disk, file, cancel)));
        }
        return verdicts;
    }

    /// <inheritdoc/>
    public override string ToString() => $"restored {What}, disk {Disk}: {Finding}";
}
