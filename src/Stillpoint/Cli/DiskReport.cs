using System.Text.Json;
using Spectre.Console;
using Stillpoint.VirtualDisks;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary>What <c>stillpoint disk</c> prints.</summary>
internal static class DiskReport
{
    public static int Info(VirtualDisk disk, OutputFormat output)
    {
        var contents = PartitionReader.Read(disk);
        if (output == OutputFormat.Json) Terminal.Json(Describe(disk, contents));
        else PrintInfo(disk, contents);
        return ExitCodes.Ok;
    }

    public static int Map(VirtualDisk disk, OutputFormat output, CancellationToken cancel)
    {
        if (output == OutputFormat.Json) WriteMap(disk, cancel);
        else PrintMap(disk, cancel);
        return ExitCodes.Ok;
    }

    public static int Findings(string path, IReadOnlyList<DiskFinding> findings, OutputFormat output)
    {
        if (output == OutputFormat.Json)
        {
            Terminal.Json(findings);
        }
        else if (findings.Count == 0)
        {
            Terminal.Out.WriteLine(PlainText.Of($"{path}: nothing wrong", oneLine: true));
        }
        else
        {
            var table = Terminal.NewTable("finding", "file", "structure", ">offset", "what is wrong");
            foreach (var f in findings) table.AddRow(Escaped(f.Kind.ToString().ToLowerInvariant(), f.Path, f.Structure, f.Offset.ToString(), f.Text));
            Terminal.Out.Write(table);
            if (findings.Any(f => f.Kind == FindingKind.Repairable)) HintRepair(findings);
        }
        return findings.Any(f => f.Kind is FindingKind.Damage or FindingKind.Repairable) ? ExitCodes.Damaged : ExitCodes.Ok;
    }

    /// <summary>A repair touches the file that it is given and no parent: so each is named.</summary>
    private static void HintRepair(IReadOnlyList<DiskFinding> findings)
    {
        foreach (var file in findings.Where(f => f.Kind == FindingKind.Repairable).Select(f => f.Path).Distinct())
        {
            Terminal.Note(PlainText.Of($"A repair puts this in order: stillpoint disk check --repair {file}", oneLine: true));
        }
    }

    public static int Difference(long? at, (long A, long B) sizes, bool ignoreSize, OutputFormat output)
    {
        var sameSize = sizes.A == sizes.B;
        var same = at is null && (sameSize || ignoreSize);
        if (output == OutputFormat.Json)
        {
            Terminal.Json(new { Identical = same, FirstDifference = at, Sizes = new[] { sizes.A, sizes.B } });
        }
        else
        {
            if (at is { } offset) Terminal.Out.WriteLine($"different from byte {offset} on");
            else Terminal.Out.WriteLine(sameSize ? "identical" : same ? "identical but for the sizes, the rest is zero" : "sizes differ, the rest is zero");
            if (!sameSize) Terminal.Out.WriteLine($"sizes: {sizes.A} and {sizes.B} bytes");
            if (at is null && !same) Terminal.Note("Where the size does not matter: --ignore-size");
        }
        return same ? ExitCodes.Ok : ExitCodes.Damaged;
    }

    /// <summary>What a disk is after work on it; for people no news is good news.</summary>
    public static int Done(VirtualDisk disk, OutputFormat output)
    {
        if (output == OutputFormat.Json) Terminal.Json(new { disk.Path, Format = Word(disk.Format), Kind = Word(disk.Kind), disk.Length, FileLength = new FileInfo(disk.Path).Length });
        return ExitCodes.Ok;
    }

    /// <inheritdoc cref="Done(VirtualDisk, OutputFormat)"/>
    public static int Done(string path, DiskFormat? format, OutputFormat output)
    {
        if (output != OutputFormat.Json) return ExitCodes.Ok;
        using var disk = VirtualDisk.Open(path, new DiskOpenOptions { WithoutParent = true, Format = format });
        return Done(disk, output);
    }

    private static object Describe(VirtualDisk disk, DiskContents contents) => new
    {
        disk.Path,
        Format = Word(disk.Format),
        Kind = Word(disk.Kind),
        disk.Length,
        disk.BlockSize,
        disk.LogicalSectorSize,
        disk.PhysicalSectorSize,
        disk.VirtualDiskId,
        Chain = disk.Chain.Select(d => new { d.Path, Format = Word(d.Format), Kind = Word(d.Kind), d.Length, FileLength = new FileInfo(d.Path).Length, d.WriteId }),
        Scheme = Word(contents.Scheme),
        contents.FileSystem,
        contents.Partitions,
        contents.Warnings,
    };

    private static void PrintInfo(VirtualDisk disk, DiskContents contents)
    {
        var table = Terminal.NewTable("", PlainText.Of(disk.Path, oneLine: true));
        table.AddRow("format", $"{Word(disk.Format)}, {Word(disk.Kind)}");
        table.AddRow("size", $"{Bytes.Format(disk.Length)} ({disk.Length} bytes)");
        if (disk.BlockSize > 0) table.AddRow("blocks", Bytes.Format(disk.BlockSize));
        table.AddRow("sectors", $"{disk.LogicalSectorSize} logical, {disk.PhysicalSectorSize} physical");
        if (disk.VirtualDiskId is { } id) table.AddRow("disk id", id.ToString());
        foreach (var file in disk.Chain)
        {
            table.AddRow(Escaped(file == disk ? "file" : "parent", $"{file.Path}, {Bytes.Format(new FileInfo(file.Path).Length)}{(file.WriteId is { } w ? $", content {w}" : "")}"));
        }
        table.AddRow("divided by", $"{Word(contents.Scheme)}{(contents.FileSystem is { } whole ? $", {whole} over the whole disk" : "")}");
        Terminal.Out.Write(table);
        foreach (var warning in contents.Warnings) Terminal.Note(warning);
        if (contents.Partitions.Count == 0) return;
        var partitions = Terminal.NewTable(">#", ">offset", ">size", "type", "name", "file system");
        foreach (var p in contents.Partitions)
        {
            partitions.AddRow(Escaped(p.Number.ToString(), p.Offset.ToString(), Bytes.Format(p.Length), p.Type, p.Name ?? "", p.FileSystem ?? ""));
        }
        Terminal.Out.Write(partitions);
    }

    /// <summary>Run by run, so that the map of any disk takes no memory.</summary>
    private static void WriteMap(VirtualDisk disk, CancellationToken cancel)
    {
        using var stream = Console.OpenStandardOutput();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartArray();
            foreach (var (offset, length, data) in Runs(disk))
            {
                cancel.ThrowIfCancellationRequested();
                json.WriteStartObject();
                json.WriteNumber("offset", offset);
                json.WriteNumber("length", length);
                json.WriteBoolean("data", data);
                json.WriteEndObject();
                if (json.BytesPending > 1 << 16) json.Flush();
            }
            json.WriteEndArray();
        }
        stream.Write("\n"u8);
    }

    private static void PrintMap(VirtualDisk disk, CancellationToken cancel)
    {
        var data = 0L;
        foreach (var run in disk.Map())
        {
            cancel.ThrowIfCancellationRequested();
            if (run.IsData) data += run.Length;
            Terminal.Out.WriteLine($"{run.Offset,16} {run.Length,16}  {(run.IsData ? $"data in layer {run.Layer}" : "zero")}");
        }
        Terminal.Note($"{Bytes.Format(data)} of {Bytes.Format(disk.Length)} hold data");
    }

    private static IEnumerable<(long Offset, long Length, bool Data)> Runs(VirtualDisk disk)
    {
        (long Offset, long Length, bool Data) last = default;
        foreach (var run in disk.Map())
        {
            if (last.Length > 0 && last.Data == run.IsData)
            {
                last.Length += run.Length;
                continue;
            }
            if (last.Length > 0) yield return last;
            last = (run.Offset, run.Length, run.IsData);
        }
        if (last.Length > 0) yield return last;
    }

    internal static string Word<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();

    private static string[] Escaped(params string[] cells) => [.. cells.Select(c => Markup.Escape(PlainText.Of(c, oneLine: true)))];
}
