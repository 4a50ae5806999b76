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
    /// <returns>VMs that a person shall take checkpoints of, and how many.</returns>
    public IReadOnlyList<(Machine Machine, int Checkpoints)> Run(LabOptions options)
    {
        if (options.WithFixtures && host.State.Read(all => all.Count == 0))
        {
            foreach (var fixture in FixtureMachine.All)
            {
                var plan = new UserMachine(fixture.Name, []) { Generation = fixture.Generation, CanQuiesce = fixture.CanQuiesce };
                Add(plan, [.. fixture.Disks.Select(d => new Placing(".vhdx", p => FromFixture(p, d)))]);
            }
        }
        var made = new List<(Machine, int)>();
        foreach (var machine in options.Machines)
        {
            if (host.State.Read(_ => host.State.FindByName(machine.Name)) is not null) continue;
            CheckName(machine.Name);
            var own = machine.Disks.Where(d => !d.Shared && d.Format != UserDiskFormat.VhdSet);
            var added = Add(machine, [.. own.Select(d => new Placing(d.Format == UserDiskFormat.Vhd ? ".vhd" : ".vhdx", place => FromUser(place, d)))]);
            if (machine.UserCheckpoints > 0) made.Add((added, machine.UserCheckpoints));
        }
        return made;
    }

    /// <summary>Puts a disk into its place and says where its guest may write.</summary>
    private sealed record Placing(string Ending, Func<NewDisk, IReadOnlyList<WriteArea>> Fill);

    /// <summary>Where a new disk is to come.</summary>
    private sealed record NewDisk(string Path, Guid Disk);

    private Machine Add(UserMachine plan, IReadOnlyList<Placing> disks)
    {
        var id = host.Clock.NewId();
        var root = $@"C:\VMs\{plan.Name}";
        var scsi = host.Clock.NewId();
        var slots = new List<DiskSlot>();
        var areas = new List<IReadOnlyList<WriteArea>>();
        for (var i = 0; i < disks.Count; i++)
        {
            var path = $@"{root}\Virtual Hard Disks\{(i == 0 ? plan.Name : $"{plan.Name}-{i}")}{disks[i].Ending}";
            var disk = new NewDisk(path, host.Clock.NewId());
            // A run that was cut short may have left files of this name.
            if (host.Files.Exists(path)) host.Files.Delete(path);
            areas.Add(disks[i].Fill(disk));
            // IDE has two controllers with two places each; what does not fit there goes to SCSI, as everything of generation 2 does.
            var onIde = plan.Generation == 1 && i < 4;
            slots.Add(new DiskSlot(onIde ? ResourceSettings.IdeController : scsi, onIde ? i / 2 : 0, onIde ? i % 2 : i, path, path, disk.Disk));
        }
        var now = host.Clock.Now;
        var settings = new MachineSettings
        {
            Name = plan.Name,
            MachineId = id,
            Generation = plan.Generation,
            Version = plan.Version,
            ConfigurationRoot = root,
            SnapshotRoot = root,
            PagingRoot = root,
            ConfigurationFile = $@"Virtual Machines\{LabText.Upper(id)}.vmcx",
            BiosId = host.Clock.NewId(),
            ScsiController = scsi,
            Disks = slots,
            Outside = Outside(plan, root, scsi),
            Adapters = [.. plan.Adapters.Select(Connected)],
            Guest = new GuestSettings(plan.CanQuiesce, Seed: plan.Name.Aggregate(17, (h, c) => unchecked(h * 31 + c)), areas)
            {
                Integration = plan.CanQuiesce ? plan.Integration : IntegrationState.NoContact,
            },
        };
        ConfigurationFile.Write(host.Paths, settings.ConfigurationPath, settings);
        var machine = new Machine
        {
            Id = id, Settings = settings, Power = Power(plan.State), Created = now, ConfigurationChanged = now, StateChanged = now,
            Started = plan.State is "running" or "paused" ? now : null, Replication = plan.Replication,
        };
        host.State.Change(all => all.Add(machine));
        return machine;
    }

    private static PowerState Power(string state) => state switch
    {
        "off" => PowerState.Off,
        "saved" => PowerState.Saved,
        "paused" => PowerState.Paused,
        _ => PowerState.Running,
    };

    /// <summary>What no checkpoint holds: shared disks, empty files here, and drives of the host behind which nothing stands.</summary>
    private IReadOnlyList<OutsideDisk> Outside(UserMachine plan, string root, Guid scsi)
    {
        var outside = new List<OutsideDisk>();
        foreach (var shared in plan.Disks.Where(d => d.Shared || d.Format == UserDiskFormat.VhdSet))
        {
            var path = $@"{root}\Shared Disks\{plan.Name}-{outside.Count}{(shared.Format == UserDiskFormat.VhdSet ? ".vhds" : ".vhdx")}";
            if (!host.Files.Exists(path)) host.Files.CreateBase(path, Math.Max(shared.Size, 1 << 20), Sector).Dispose();
            outside.Add(new OutsideDisk(scsi, 0, 40 + outside.Count, path));
        }
        for (var i = 0; i < plan.PassThrough; i++) outside.Add(new OutsideDisk(scsi, 0, 56 + i, null));
        return outside;
    }

    private Adapter Connected(string switchName) => switchName.Length == 0
        ? new Adapter(host.Clock.NewId(), null, Enabled: true) { SwitchName = "" }
        : new Adapter(host.Clock.NewId(), Services.SwitchPath, Enabled: true) { SwitchName = switchName };

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

    private IReadOnlyList<WriteArea> FromUser(NewDisk place, UserDisk wanted)
    {
        if (wanted.File is not { } localPath)
        {
            using var empty = host.Files.CreateBase(place.Path, wanted.Size, Sector);
            empty.Flush();
            host.Records.Model(place.Disk).Create(wanted.Size, []);
            return FreeAreas(empty);
        }
        using var source = host.Files.OpenLocal(Path.GetFullPath(localPath));
        // A file that has a parent itself is copied: its parent's path is good only where the file lies.
        if (source.Format == DiskFormat.Vhdx && source.Parent is null && wanted.Format == UserDiskFormat.Vhdx)
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
