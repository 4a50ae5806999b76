using System.Buffers;
using Stillpoint.VirtualDisks;

namespace Stillpoint.Lab;

/// <summary>Puts VMs into a lab: those of the fixtures when it is new, and those over the user's disks.</summary>
internal sealed class Furnishing(HostContext host)
{
    private const string UserFolder = @"C:\User Disks";
    private const int Sector = 512;
    private static readonly SearchValues<char> NotInNames = SearchValues.Create("\\/:*?\"<>|=,\0");

    /// <summary>Makes what is not there yet.</summary>
    public void Run(LabOptions options)
    {
        if (options.WithFixtures && host.State.Read(all => all.Count == 0))
        {
            foreach (var fixture in FixtureMachine.All)
            {
                Add(fixture.Name, fixture.Generation, fixture.CanQuiesce, [.. fixture.Disks.Select(d => new Placing(p => FromFixture(p, d)))]);
            }
        }
        foreach (var machine in options.Machines)
        {
            if (host.State.Read(_ => host.State.FindByName(machine.Name)) is not null) continue;
            CheckName(machine.Name);
            Add(machine.Name, generation: 2, canQuiesce: true, [.. machine.Disks.Select(d => new Placing(place => FromUser(place, d)))]);
        }
    }

    /// <summary>Puts a disk into its place and says where its guest may write.</summary>
    private delegate IReadOnlyList<WriteArea> Placing(NewDisk place);

    /// <summary>Where a new disk is to come.</summary>
    private sealed record NewDisk(string Path, Guid Disk);

    private void Add(string name, int generation, bool canQuiesce, IReadOnlyList<Placing> disks)
    {
        var id = host.Clock.NewId();
        var root = $@"C:\VMs\{name}";
        var scsi = host.Clock.NewId();
        var slots = new List<DiskSlot>();
        var areas = new List<IReadOnlyList<WriteArea>>();
        for (var i = 0; i < disks.Count; i++)
        {
            var path = $@"{root}\Virtual Hard Disks\{(i == 0 ? name : $"{name}-{i}")}.vhdx";
            var disk = new NewDisk(path, host.Clock.NewId());
            // A run that was cut short may have left files of this name.
            if (host.Files.Exists(path)) host.Files.Delete(path);
            areas.Add(disks[i](disk));
            var onIde = generation == 1;
            slots.Add(new DiskSlot(onIde ? ResourceSettings.IdeController : scsi, 0, i, path, path, disk.Disk));
        }
        var now = host.Clock.Now;
        var settings = new MachineSettings
        {
            Name = name,
            Generation = generation,
            ConfigurationRoot = root,
            SnapshotRoot = root,
            PagingRoot = root,
            ConfigurationFile = $@"Virtual Machines\{LabText.Upper(id)}.vmcx",
            BiosId = host.Clock.NewId(),
            ScsiController = scsi,
            Disks = slots,
            Adapters = [new Adapter(host.Clock.NewId(), null, Enabled: true)],
            Guest = new GuestSettings(canQuiesce, Seed: name.Aggregate(17, (h, c) => unchecked(h * 31 + c)), areas),
        };
        ConfigurationFile.Write(host.Paths, settings.ConfigurationPath, settings);
        host.State.Change(all => all.Add(new Machine
        {
            Id = id, Settings = settings, Power = PowerState.Running, Created = now, ConfigurationChanged = now, StateChanged = now, Started = now,
        }));
    }

    private IReadOnlyList<WriteArea> FromFixture(NewDisk place, string fixture)
    {
        var source = FixtureDisk.Open(fixture);
        using (var disk = host.Files.CreateBase(place.Path, source.Length, Sector))
        {
            foreach (var (offset, bytes) in source.Content()) disk.Write(offset, bytes.Span);
            disk.Flush();
        }
        // Unpacked a second time: the model comes from the fixture itself, not from what the virtual disk makes of it.
        host.Records.Model(place.Disk).Create(source.Length, source.Content());
        return source.Areas;
    }

    private IReadOnlyList<WriteArea> FromUser(NewDisk place, string localPath)
    {
        using var source = host.Files.OpenLocal(Path.GetFullPath(localPath));
        // A file that has a parent itself is copied: its parent's path is good only where the file lies.
        if (source.Format == DiskFormat.Vhdx && source.Parent is null)
        {
            var link = $@"{UserFolder}\{HostPaths.Name(place.Path)}";
            var local = host.Files.Local(link);
            Directory.CreateDirectory(Path.GetDirectoryName(local)!);
            if (new FileInfo(local).LinkTarget is not null) File.Delete(local);
            File.CreateSymbolicLink(local, Path.GetFullPath(localPath));
            host.Files.CreateChild(link, place.Path);
        }
        else
        {
            using var disk = host.Files.CreateBase(place.Path, source.Length, source.LogicalSectorSize);
            foreach (var (offset, bytes) in Machines.Content(source)) disk.Write(offset, bytes.Span);
            disk.Flush();
        }
        host.Records.Model(place.Disk).Create(source.Length, Machines.Content(source));
        return FreeAreas(source);
    }

    /// <summary>Where a guest may write on a disk whose file system nobody looked into: the larger places without data, so that no file
    /// is harmed; on a disk without such places all of it but the first and last MiB.</summary>
    private static WriteArea[] FreeAreas(VirtualDisk disk)
    {
        const long mebibyte = 1 << 20;
        var holes = disk.Map().Where(r => !r.IsData && r.Length >= 4 * mebibyte).Take(1024)
            .Select(r => new WriteArea(r.Offset + mebibyte, r.Length - 2 * mebibyte)).ToArray();
        if (holes.Sum(h => h.Length) >= 16 * mebibyte) return holes;
        return disk.Length > 4 * mebibyte
            ? [new WriteArea(mebibyte, (disk.Length - 2 * mebibyte) / Sector * Sector)]
            : [new WriteArea(0, disk.Length / Sector * Sector)];
    }

    private static void CheckName(string name)
    {
        if (name.Length is 0 or > 64 || name.AsSpan().ContainsAny(NotInNames) || name is "." or "..")
        {
            throw new ArgumentException($"'{name}' cannot be the name of a VM: at most 64 characters, none of \\ / : * ? \" < > | = and comma.");
        }
    }
}
