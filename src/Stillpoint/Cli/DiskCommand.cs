using System.CommandLine;
using Stillpoint.VirtualDisks;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary><c>stillpoint disk</c>: tools for VHD, VHDX and raw files. They need no server.</summary>
internal static class DiskCommand
{
    private const int SharingViolation = unchecked((int)0x80070020);

    private static readonly Argument<string> s_file = new("FILE") { Description = "Disk file: .vhdx, .avhdx, .vhd, .avhd, or raw." };

    private static readonly Option<string?> s_parents = new("--parents")
    {
        Description = "Folder to look for parent files in, by name, where their own paths lead nowhere.",
        HelpName = "DIR",
    };

    private static readonly Option<DiskFormat?> s_format = new("--format") { Description = "Format of the new file; by default what its name says.", HelpName = "raw|vhd|vhdx" };

    private static readonly Option<DiskKind?> s_kind = new("--kind")
    {
        Description = "Space taken at once or when written. [default: dynamic]",
        HelpName = "fixed|dynamic",
    };

    private static readonly Option<string?> s_blockSize = new("--block-size") { Description = "Bytes in a block, as 32M.", HelpName = "SIZE" };

    private static readonly Option<int> s_sectorSize = new("--sector-size") { Description = "Logical sector: 512 or 4096.", HelpName = "BYTES", DefaultValueFactory = _ => 512 };

    public static Command Create()
    {
        var command = new Command("disk", "Look at, make and change VHD, VHDX and raw disk files.")
        {
            Info(), Map(), Check(), CreateFile(), Convert(), Compare(), Merge(), Resize(), Compact(),
        };
        return command;
    }

    private static Command Info()
    {
        var command = new Command("info", "Size, format, identities, chain, partitions.") { s_file, s_parents };
        command.SetAction(parse => DiskReport.Info(Open(parse, s_file), parse.GetValue(StillpointCommand.Output)));
        return command;
    }

    private static Command Map()
    {
        var command = new Command("map", "Where data is, across the chain, without reading it.") { s_file, s_parents };
        command.SetAction(parse => DiskReport.Map(Open(parse, s_file), parse.GetValue(StillpointCommand.Output)));
        return command;
    }

    private static Command Check()
    {
        var repair = new Option<bool>("--repair") { Description = "Replay the log and write damaged copies of headers and footers anew." };
        var command = new Command("check", "Find what is wrong with a file and its parents. Exit code 4 when damaged.") { s_file, s_parents, repair };
        command.SetAction(parse => Guarded(parse.GetRequiredValue(s_file), path =>
        {
            if (parse.GetValue(repair)) DiskCheck.Repair(path, Ids.New);
            return DiskReport.Findings(path, DiskCheck.Run(path, Options(parse)), parse.GetValue(StillpointCommand.Output));
        }));
        return command;
    }

    private static Command CreateFile()
    {
        var size = new Option<string?>("--size") { Description = "Size, as 80G; a child takes its parent's.", HelpName = "SIZE" };
        var parent = new Option<string?>("--parent") { Description = "Parent file: makes a differencing disk.", HelpName = "FILE" };
        var command = new Command("create", "Make an empty disk, or a differencing child of one.") { s_file, size, parent, s_parents, s_format, s_kind, s_blockSize, s_sectorSize };
        command.SetAction(parse => Guarded(parse.GetRequiredValue(s_file), path =>
        {
            var length = parse.GetValue(size) is { } text ? Size(text) : 0;
            using var disk = parse.GetValue(parent) is { } below ? CreateChild(parse, path, below, length) : DiskFile.Create(path, CreateOptions(parse, path, length, parse.GetValue(s_sectorSize)));
            return DiskReport.Done(disk, parse.GetValue(StillpointCommand.Output));
        }));
        return command;
    }

    private static Command Convert()
    {
        var target = new Argument<string>("TARGET") { Description = "New file; must not be there yet." };
        var size = new Option<string?>("--size") { Description = "A larger size for the new disk, as 120G.", HelpName = "SIZE" };
        var command = new Command("convert", "Copy a disk into another format; sparse where the source is.") { s_file, target, size, s_parents, s_format, s_kind, s_blockSize };
        command.SetAction((parse, cancel) => Task.Run(() =>
        {
            using var source = Open(parse, s_file);
            using var progress = new ByteProgress("converting", source.Length, TimeProvider.System);
            return Guarded(parse.GetRequiredValue(target), path =>
            {
                var length = parse.GetValue(size) is { } text ? Size(text) : source.Length;
                DiskFile.Convert(source, path, CreateOptions(parse, path, length, source.LogicalSectorSize), (done, _) => progress.Report(done), cancel);
                return DiskReport.Done(path, parse.GetValue(StillpointCommand.Output));
            });
        }, cancel));
        return command;
    }

    private static Command Compare()
    {
        var other = new Argument<string>("OTHER") { Description = "Disk file to compare with." };
        var command = new Command("compare", "Compare what two disks read as, whatever their formats. Exit code 4 when they differ.") { s_file, other, s_parents };
        command.SetAction((parse, cancel) => Task.Run(() =>
        {
            using var a = Open(parse, s_file);
            using var b = Open(parse, other);
            long? at;
            using (var progress = new ByteProgress("comparing", Math.Max(a.Length, b.Length), TimeProvider.System))
            {
                at = DiskCompare.FirstDifference(a, b, (done, _) => progress.Report(done), cancel);
            }
            return DiskReport.Difference(at, parse.GetValue(StillpointCommand.Output));
        }, cancel));
        return command;
    }

    private static Command Merge()
    {
        var delete = new Option<bool>("--delete") { Description = "Delete the child's file when all of it is in the parent." };
        var command = new Command("merge", "Merge a differencing disk into its parent. May be interrupted and run again.") { s_file, s_parents, delete };
        command.SetAction((parse, cancel) => Task.Run(() => Guarded(parse.GetRequiredValue(s_file), path =>
        {
            using var progress = new ByteProgress("merging", 0, TimeProvider.System);
            var parent = ParentOf(path, parse);
            DiskFile.MergeIntoParent(path, new VhdxMergeOptions { NewId = Ids.New, ResolveParent = Resolver(parse), Progress = (done, _) => progress.Report(done) }, cancel);
            if (parse.GetValue(delete)) File.Delete(path);
            return DiskReport.Done(parent, parse.GetValue(StillpointCommand.Output));
        }), cancel));
        return command;
    }

    private static Command Resize()
    {
        var size = new Option<string>("--size") { Description = "New size, as 120G.", HelpName = "SIZE", Required = true };
        var discard = new Option<bool>("--discard") { Description = "Allow to cut off data." };
        var command = new Command("resize", "Change the size of a disk. Do not do this to a disk that has children.") { s_file, size, discard, s_parents };
        command.SetAction(parse => WithWritable(parse, disk =>
        {
            disk.Resize(Size(parse.GetRequiredValue(size)), parse.GetValue(discard));
            return DiskReport.Done(disk, parse.GetValue(StillpointCommand.Output));
        }));
        return command;
    }

    private static Command Compact()
    {
        var command = new Command("compact", "Give back space of blocks that hold only zeros.") { s_file, s_parents };
        command.SetAction((parse, cancel) => Task.Run(() => WithWritable(parse, disk =>
        {
            var saved = disk.Compact(null, cancel);
            Terminal.Note($"{Bytes.Format(saved)} given back");
            return DiskReport.Done(disk, parse.GetValue(StillpointCommand.Output));
        }), cancel));
        return command;
    }

    private static string ParentOf(string path, ParseResult parse)
    {
        using var disk = VirtualDisk.Open(path, Options(parse));
        return disk.Parent?.Path ?? throw new CommandFailedException(ExitCodes.Failed, $"{path} is not a differencing disk.");
    }

    private static int WithWritable(ParseResult parse, Func<VirtualDisk, int> work) => Guarded(parse.GetRequiredValue(s_file), path =>
    {
        using var disk = VirtualDisk.Open(path, Options(parse) with { ReadOnly = false, NewId = Ids.New });
        return work(disk);
    });

    private static VirtualDisk CreateChild(ParseResult parse, string path, string parent, long length) => (parse.GetValue(s_format) ?? DiskFile.FormatOfName(path)) switch
    {
        DiskFormat.Vhd => VhdFile.Create(path, new VhdCreateOptions
        {
            Kind = DiskKind.Differencing, Parent = parent, Length = length, ResolveParent = Resolver(parse), NewId = Ids.New, Time = TimeProvider.System,
        }),
        DiskFormat.Vhdx => VhdxDisk.Create(path, new VhdxCreateOptions
        {
            Kind = DiskKind.Differencing, Parent = parent, Length = length, ResolveParent = Resolver(parse), NewId = Ids.New,
            BlockSize = parse.GetValue(s_blockSize) is { } block ? checked((int)Size(block)) : 0,
        }),
        _ => throw new CommandFailedException(ExitCodes.Failed, "a raw disk has no parent.", "Name the new file .avhdx or .avhd."),
    };

    private static DiskCreateOptions CreateOptions(ParseResult parse, string path, long length, int sector) => new()
    {
        Format = parse.GetValue(s_format) ?? DiskFile.FormatOfName(path),
        Length = length,
        Kind = parse.GetValue(s_kind) ?? DiskKind.Dynamic,
        BlockSize = parse.GetValue(s_blockSize) is { } block ? checked((int)Size(block)) : 0,
        LogicalSectorSize = sector,
        NewId = Ids.New,
        Time = TimeProvider.System,
    };

    private static VirtualDisk Open(ParseResult parse, Argument<string> file)
    {
        VirtualDisk? disk = null;
        Guarded(parse.GetRequiredValue(file), path =>
        {
            disk = VirtualDisk.Open(path, Options(parse));
            return ExitCodes.Ok;
        });
        return disk!;
    }

    private static DiskOpenOptions Options(ParseResult parse) => new() { ResolveParent = Resolver(parse) };

    private static ParentResolver Resolver(ParseResult parse)
    {
        var folder = parse.GetValue(s_parents);
        return (child, locator) => ParentLocator.ResolveBeside(child, locator)
            ?? (folder is null ? null : locator.Paths.Select(p => Path.Combine(folder, p.Split('\\', '/')[^1])).FirstOrDefault(File.Exists));
    }

    private static long Size(string text) =>
        Bytes.TryParse(text, out var bytes) ? bytes : throw new CommandFailedException(ExitCodes.Failed, $"\"{text}\" is no size.", "Write it as 80G, 512M or in bytes.");

    /// <summary>Runs work on a file and gives its failures the exit codes that scripts rely on.</summary>
    private static int Guarded(string path, Func<string, int> work)
    {
        try
        {
            return work(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CommandFailedException(ExitCodes.NotFound, e.Message);
        }
        catch (ForeignFormatException e)
        {
            throw new CommandFailedException(ExitCodes.Failed, e.Message, "Use a .vhdx, .vhd or raw file; qemu-img convert turns one into the other.");
        }
        catch (DiskFormatException e)
        {
            throw new CommandFailedException(ExitCodes.Damaged, e.Message, $"Run: stillpoint disk check {path}");
        }
        catch (IOException e) when (IsSharingViolation(e))
        {
            throw new CommandFailedException(ExitCodes.Locked, $"{path} is open elsewhere.", "Close it there, or work on a checkpoint's parent.");
        }
        catch (ArgumentException e)
        {
            throw new CommandFailedException(ExitCodes.Failed, e.Message);
        }
    }

    // A lock that another holds: the HRESULT on Windows, EWOULDBLOCK of flock on Linux.
    private static bool IsSharingViolation(IOException e) => e.HResult is SharingViolation or 11;
}
