using System.CommandLine;
using Stillpoint.VirtualDisks;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary><c>stillpoint disk</c>: tools for VHD, VHDX and raw files. They need no server.</summary>
internal static class DiskCommand
{
    private static readonly Argument<string> s_file = new("FILE") { Description = "Disk file: .vhdx, .avhdx, .vhd, .avhd, or raw." };

    private static readonly Option<string?> s_parents = new("--parents")
    {
        Description = "Folder to look for parent files in, by name, where their own paths lead nowhere.",
        HelpName = "DIR",
    };

    private static readonly Option<DiskFormat?> s_format = FormatOption("--format", "Format of the new file; by default what its name says.");

    private static readonly Option<DiskFormat?> s_sourceFormat = FormatOption("--source-format", "What FILE is, where its name or content says otherwise.");

    private static readonly Option<DiskKind?> s_kind = new Option<DiskKind?>("--kind")
    {
        Description = "Blocks laid out at once (as holes that the file system fills when written) or when written. [default: dynamic]",
        HelpName = "fixed|dynamic",
    }.AcceptOnlyFromAmong(StringComparer.OrdinalIgnoreCase, "fixed", "dynamic");

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
        var command = new Command("info", "Size, format, identities, chain, partitions.") { s_file, s_parents, s_sourceFormat };
        command.SetAction(parse => WithDisk(parse, disk => DiskReport.Info(disk, parse.GetValue(StillpointCommand.Output))));
        return command;
    }

    private static Command Map()
    {
        var command = new Command("map", "Where data is, across the chain, without reading it.") { s_file, s_parents, s_sourceFormat };
        command.SetAction((parse, cancel) => Task.Run(
            () => WithDisk(parse, disk => DiskReport.Map(disk, parse.GetValue(StillpointCommand.Output), cancel)), CancellationToken.None));
        return command;
    }

    private static Command Check()
    {
        var repair = new Option<bool>("--repair") { Description = "Replay the log and write damaged copies of headers and footers anew." };
        var command = new Command("check", "Find what is wrong with a file and its parents. Exit code 4 when something is, and was not repaired.")
        {
            s_file, s_parents, s_sourceFormat, repair,
        };
        command.SetAction((parse, cancel) => Task.Run(() => Guarded(parse.GetRequiredValue(s_file), path =>
        {
            if (parse.GetValue(repair)) DiskCheck.Repair(path, Ids.New, parse.GetValue(s_sourceFormat));
            IReadOnlyList<DiskFinding> findings;
            using (var progress = new WorkProgress("checking")) findings = DiskCheck.Run(path, Options(parse), progress.Report, cancel);
            return DiskReport.Findings(path, findings, parse.GetValue(StillpointCommand.Output));
        }), CancellationToken.None));
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
            var format = parse.GetValue(s_format) ?? DiskFile.FormatOfName(path);
            DiskFile.CreateWhole(path, Ids.New, partial => parse.GetValue(parent) is { } below
                ? CreateChild(parse, format, partial, below, length)
                : DiskFile.Create(partial, CreateOptions(parse, format, length, parse.GetValue(s_sectorSize))));
            return DiskReport.Done(path, format, parse.GetValue(StillpointCommand.Output));
        }));
        return command;
    }

    private static Command Convert()
    {
        var target = new Argument<string>("TARGET") { Description = "New file; must not be there yet." };
        var size = new Option<string?>("--size") { Description = "A larger size for the new disk, as 120G.", HelpName = "SIZE" };
        var command = new Command("convert", "Copy a disk into another format; sparse where the source is.")
        {
            s_file, target, size, s_parents, s_sourceFormat, s_format, s_kind, s_blockSize,
        };
        command.SetAction((parse, cancel) => Task.Run(() => WithDisk(parse, source => Guarded(parse.GetRequiredValue(target), path =>
        {
            var length = parse.GetValue(size) is { } text ? Size(text) : source.Length;
            var format = parse.GetValue(s_format) ?? DiskFile.FormatOfName(path);
            if (format != DiskFormat.Vhdx && source.LogicalSectorSize != 512)
            {
                Terminal.Note(
                    $"{source.Path} has sectors of {source.LogicalSectorSize} bytes, a {DiskReport.Word(format)} disk has 512: its partition table will not fit.");
            }
            var sector = format == DiskFormat.Vhdx ? source.LogicalSectorSize : 512;
            using (var progress = new ByteProgress("converting", source.Length, TimeProvider.System))
            {
                DiskFile.Convert(source, path, CreateOptions(parse, format, length, sector), (done, _) => progress.Report(done), cancel);
            }
            return DiskReport.Done(path, format, parse.GetValue(StillpointCommand.Output));
        })), CancellationToken.None));
        return command;
    }

    private static Command Compare()
    {
        var other = new Argument<string>("OTHER") { Description = "Disk file to compare with." };
        var otherFormat = FormatOption("--other-format", "What OTHER is, where its name or content says otherwise.");
        var ignoreSize = new Option<bool>("--ignore-size") { Description = "Take a longer disk for the same when all that it has more is zero." };
        var command = new Command("compare", "Compare what two disks read as, whatever their formats. Exit code 4 when they differ, also in size.")
        {
            s_file, other, s_parents, s_sourceFormat, otherFormat, ignoreSize,
        };
        command.SetAction((parse, cancel) => Task.Run(() => WithDisk(parse, a => Guarded(parse.GetRequiredValue(other), path =>
        {
            using var b = VirtualDisk.Open(path, Options(parse) with { Format = parse.GetValue(otherFormat) });
            long? at;
            using (var progress = new ByteProgress("comparing", Math.Max(a.Length, b.Length), TimeProvider.System))
            {
                at = DiskCompare.FirstDifference(a, b, (done, _) => progress.Report(done), cancel);
            }
            return DiskReport.Difference(at, (a.Length, b.Length), parse.GetValue(ignoreSize), parse.GetValue(StillpointCommand.Output));
        })), CancellationToken.None));
        return command;
    }

    private static Command Merge()
    {
        var delete = new Option<bool>("--delete") { Description = "Delete the child's file when all of it is in the parent." };
        var force = new Option<bool>("--force")
        {
            Description = "Merge although other files in the child's folder need the parent, or with --delete the child, as it is.",
        };
        var command = new Command(
            "merge", "Merge a differencing disk into its parent, which makes other children of that parent invalid. May be interrupted and run again.")
        {
            s_file, s_parents, delete, force,
        };
        command.SetAction((parse, cancel) => Task.Run(() => Guarded(parse.GetRequiredValue(s_file), path =>
        {
            var parent = ParentOf(path, parse);
            if (!parse.GetValue(force)) RefuseOverRelatives(path, parent, parse.GetValue(delete));
            using (var progress = new WorkProgress("merging"))
            {
                DiskFile.MergeIntoParent(path, new VhdxMergeOptions { NewId = Ids.New, ResolveParent = Resolver(parse), Progress = progress.Report }, cancel);
            }
            if (parse.GetValue(delete)) File.Delete(path);
            return DiskReport.Done(parent, null, parse.GetValue(StillpointCommand.Output));
        }), CancellationToken.None));
        return command;
    }

    private static void RefuseOverRelatives(string path, string parent, bool delete)
    {
        var relatives = Relatives.Of(path);
        if (relatives.Siblings is [var sibling, ..])
        {
            throw new CommandFailedException(ExitCodes.Failed, $"{sibling} is a child of {parent}, too: the merge would change what it stands on.",
                "Convert it into a disk of its own first (stillpoint disk convert), or give it up: --force");
        }
        if (delete && relatives.Children is [var child, ..])
        {
            throw new CommandFailedException(ExitCodes.Failed, $"{child} is a child of {path}, which it needs.",
                "Merge that first, leave out --delete, or give it up: --force");
        }
    }

    private static Command Resize()
    {
        var size = new Option<string>("--size") { Description = "New size, as 120G.", HelpName = "SIZE", Required = true };
        var discard = new Option<bool>("--discard") { Description = "Allow to cut off data." };
        var command = new Command("resize", "Change the size of a disk. Do not do this to a disk that has children.") { s_file, size, discard, s_parents, s_sourceFormat };
        command.SetAction((parse, cancel) => Task.Run(() => WithWritable(parse, disk =>
        {
            disk.Resize(Size(parse.GetRequiredValue(size)), parse.GetValue(discard), cancel);
            return DiskReport.Done(disk, parse.GetValue(StillpointCommand.Output));
        }, cancel), CancellationToken.None));
        return command;
    }

    private static Command Compact()
    {
        var command = new Command("compact", "Give back space of blocks that hold only zeros.") { s_file, s_parents, s_sourceFormat };
        command.SetAction((parse, cancel) => Task.Run(() => WithWritable(parse, disk =>
        {
            long saved;
            // Told in blocks; people think in bytes of the disk.
            using (var progress = new WorkProgress("compacting"))
            {
                saved = disk.Compact((done, all) => progress.Report(done * disk.BlockSize, all * disk.BlockSize), cancel);
            }
            Terminal.Note($"{Bytes.Format(saved)} given back");
            return DiskReport.Done(disk, parse.GetValue(StillpointCommand.Output));
        }, cancel), CancellationToken.None));
        return command;
    }

    private static string ParentOf(string path, ParseResult parse)
    {
        using var disk = VirtualDisk.Open(path, Options(parse));
        return disk.Parent?.Path ?? throw new CommandFailedException(ExitCodes.Failed, $"{path} is not a differencing disk.");
    }

    private static int WithDisk(ParseResult parse, Func<VirtualDisk, int> work) => Guarded(parse.GetRequiredValue(s_file), path =>
    {
        using var disk = VirtualDisk.Open(path, Options(parse));
        return work(disk);
    });

    private static int WithWritable(ParseResult parse, Func<VirtualDisk, int> work, CancellationToken cancel) => Guarded(parse.GetRequiredValue(s_file), path =>
    {
        using var disk = VirtualDisk.Open(path, Options(parse) with { ReadOnly = false, NewId = Ids.New, Cancel = cancel });
        return work(disk);
    });

    private static VirtualDisk CreateChild(ParseResult parse, DiskFormat format, string path, string parent, long length) => format switch
    {
        DiskFormat.Vhd => VhdFile.Create(path, new VhdCreateOptions
        {
            Kind = DiskKind.Differencing, Parent = parent, Length = length, ResolveParent = Resolver(parse), NewId = Ids.New, Time = TimeProvider.System,
        }),
        DiskFormat.Vhdx => VhdxDisk.Create(path, new VhdxCreateOptions
        {
            Kind = DiskKind.Differencing, Parent = parent, Length = length, ResolveParent = Resolver(parse), NewId = Ids.New,
            BlockSize = BlockSize(parse),
        }),
        _ => throw new CommandFailedException(ExitCodes.Failed, "a raw disk has no parent.", "Name the new file .avhdx or .avhd."),
    };

    private static DiskCreateOptions CreateOptions(ParseResult parse, DiskFormat format, long length, int sector) => new()
    {
        Format = format,
        Length = length,
        Kind = parse.GetValue(s_kind) ?? DiskKind.Dynamic,
        BlockSize = BlockSize(parse),
        LogicalSectorSize = sector,
        NewId = Ids.New,
        Time = TimeProvider.System,
    };

    private static DiskOpenOptions Options(ParseResult parse) => new() { ResolveParent = Resolver(parse), Format = parse.GetValue(s_sourceFormat) };

    private static ParentResolver Resolver(ParseResult parse)
    {
        var folder = parse.GetValue(s_parents);
        return (child, locator) => ParentLocator.ResolveBeside(child, locator)
            ?? (folder is null ? null : locator.Paths.Select(p => Path.Combine(folder, p.Split('\\', '/')[^1])).FirstOrDefault(File.Exists));
    }

    private static long Size(string text) =>
        Bytes.TryParse(text, out var bytes) ? bytes : throw new CommandFailedException(ExitCodes.Failed, $"\"{text}\" is no size.", "Write it as 80G, 512M or in bytes.");

    private static int BlockSize(ParseResult parse)
    {
        if (parse.GetValue(s_blockSize) is not { } text) return 0;
        var bytes = Size(text);
        return bytes is > 0 and <= int.MaxValue ? (int)bytes : throw new CommandFailedException(ExitCodes.Failed, $"blocks of {text} are not possible.",
            "A VHDX has blocks of 1M to 256M, a VHD of 512K or 2M.");
    }

    private static Option<DiskFormat?> FormatOption(string name, string description)
    {
        var option = new Option<DiskFormat?>(name) { Description = description, HelpName = "raw|vhd|vhdx" };
        return option.AcceptOnlyFromAmong(StringComparer.OrdinalIgnoreCase, "raw", "vhd", "vhdx");
    }

    private static int Guarded(string path, Func<string, int> work) => DiskFailures.Guard(path, work);
}
