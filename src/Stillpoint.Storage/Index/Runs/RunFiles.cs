using Microsoft.Win32.SafeHandles;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>
/// The runs of a unit's index: lists, opens and removes them. A run is read from a local file: the object itself where the volume is a
/// directory, else a copy in a cache folder that is fetched once. Where there is neither, runs are not used and packs are read instead.
/// </summary>
/// <param name="volume">The unit's volume.</param>
/// <param name="unit">The unit.</param>
/// <param name="cache">Folder for copies of runs of volumes that are not local; null for none.</param>
internal sealed class RunFiles(IVolume volume, Guid unit, string? cache)
{
    private const int FetchBytes = 16 << 20;

    private static int s_fetches;

    /// <summary>How the name of a copy ends that is on its way.</summary>
    private const string Fetching = ".new";

    public IVolume Volume => volume;

    public Guid Unit => unit;

    /// <summary>False when runs can neither be read nor written.</summary>
    public bool Usable => volume is LocalVolume || cache is not null;

    /// <summary>The runs of a domain that the volume lists.</summary>
    public async Task<IReadOnlyList<VolumeEntry>> ListAsync(Guid domain, CancellationToken cancel)
    {
        if (!Usable) return [];
        var listed = await volume.ListAsync(UnitNames.Runs(domain), cancel);
        IReadOnlyList<VolumeEntry> runs = [.. listed.Where(entry => UnitNames.RunOf(entry.Name) is not null)];
        if (volume is not LocalVolume) SweepCopies(domain, runs);
        return runs;
    }

    /// <summary>Opens a run that was listed.</summary>
    /// <exception cref="TroubleException">It is damaged.</exception>
    /// <exception cref="IOException">It cannot be read, or is gone by now.</exception>
    public async Task<IndexRun> OpenAsync(Guid domain, VolumeEntry entry, CancellationToken cancel)
    {
        var run = UnitNames.RunOf(entry.Name) ?? throw new ArgumentException($"{entry.Name} is no run", nameof(entry));
        if (volume is LocalVolume local) return IndexRun.Open(Handle(local.PathOf(entry.Name)), entry.Name, unit, domain, run);
        var copy = CopyOf(entry.Name);
        if (File.Exists(copy))
        {
            try
            {
                return IndexRun.Open(Handle(copy), entry.Name, unit, domain, run);
            }
            catch (TroubleException)
            {
                File.Delete(copy);
            }
        }
        await FetchAsync(entry, copy, cancel);
        return IndexRun.Open(Handle(copy), entry.Name, unit, domain, run);
    }

    /// <summary>Removes a run. Nothing is lost with it: whoever has it open goes on reading, others read the packs.</summary>
    public async Task RemoveAsync(string name, CancellationToken cancel)
    {
        await volume.DeleteAsync(name, cancel);
        if (volume is not LocalVolume && cache is not null) File.Delete(CopyOf(name));
    }

    private static SafeFileHandle Handle(string path) =>
        File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileOptions.RandomAccess);

    private string CopyOf(string name) => Path.Combine(cache!, unit.ToString("N"), name.Replace('/', Path.DirectorySeparatorChar));

    /// <summary>Copies of runs that are gone go too; whoever has one open goes on reading it.</summary>
    private void SweepCopies(Guid domain, IReadOnlyList<VolumeEntry> runs)
    {
        var folder = new DirectoryInfo(CopyOf(UnitNames.Runs(domain)));
        if (!folder.Exists) return;
        var listed = runs.Select(run => UnitNames.RunOf(run.Name)!.Value.ToString("N")).ToHashSet(StringComparer.Ordinal);
        foreach (var copy in folder.EnumerateFiles())
            if (!listed.Contains(copy.Name) && !copy.Name.EndsWith(Fetching, StringComparison.Ordinal)) copy.Delete();
    }

    private async Task FetchAsync(VolumeEntry entry, string copy, CancellationToken cancel)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, Share = FileShare.Delete, BufferSize = 0 };
        // A copy needs no sync: it proves itself when it is read. Of two processes that fetch at once the later move wins; both are the same.
        var partial = $"{copy}.{Environment.ProcessId}.{Interlocked.Increment(ref s_fetches)}{Fetching}";
        try
        {
            await using (var file = new FileStream(partial, options))
            {
                var buffer = new byte[Math.Min(FetchBytes, Math.Max(1, entry.Length))];
                for (long at = 0; at < entry.Length;)
                {
                    var got = await volume.ReadAsync(entry.Name, at, buffer, cancel);
                    if (got == 0) break;
                    await file.WriteAsync(buffer.AsMemory(0, got), cancel);
                    at += got;
                }
            }
            File.Move(partial, copy, overwrite: true);
        }
        finally
        {
            File.Delete(partial);
        }
    }
}
