using System.CommandLine;
using Spectre.Console;
using Stillpoint.Chunks;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Cli;

/// <summary><c>store import DIR [--key-file FILE]…</c>: what a unit that was found holds, by key domain, and which keys open it.</summary>
internal static class StoreImport
{
    public static Command Create()
    {
        var directory = StoreAccess.NewDirectory();
        var keyFiles = new Option<string[]>("--key-file")
        {
            Description = $"Key files to try; may be given several times; or {StoreAccess.KeyVariable}.", HelpName = "FILE", Arity = ArgumentArity.ZeroOrMore,
        };
        var command = new Command("import", "Look at a unit that was found: what it holds, of which key domains, which keys open it, and how to attach it.") { directory, keyFiles };
        command.SetAction(async (parsed, cancel) =>
        {
            await using var unit = await StoreAccess.OpenAsync(parsed.GetRequiredValue(directory), cancel);
            var named = parsed.GetValue(keyFiles) is { Length: > 0 } given ? given : StoreAccess.KeyFileOf(null) is { } one ? [one] : [];
            var found = await LookAsync(unit, named, parsed.GetValue(StoreAccess.PassphraseFile), cancel);
            foreach (var damaged in found.Damaged) Terminal.Note($"warning: {damaged}");
            if (parsed.GetValue(StillpointCommand.Output) == OutputFormat.Json) Terminal.Json(found);
            else Print(found, parsed.GetRequiredValue(directory));
            return found.Damaged.Count == 0 ? ExitCodes.Ok : ExitCodes.Damaged;
        });
        return command;
    }

    private static async Task<Found> LookAsync(StorageUnit unit, string[] keyFiles, string? passphraseFile, CancellationToken cancel)
    {
        var list = await unit.ListImagesAsync(cancel);
        var files = keyFiles.Select(path => (Path: path, File: StoreAccess.ReadKeyFile(path))).ToList();
        var domains = new List<FoundDomain>();
        foreach (var group in list.Images.GroupBy(i => i.Header.Domain).OrderBy(g => g.Key))
        {
            var opener = files.FirstOrDefault(f => f.File.Domain == group.Key);
            using var keys = opener.File is null ? null : StoreAccess.Master(opener.File, passphraseFile).Keys();
            var vms = group.Select(i => ImageSummaries.TryOf(i, keys)).GroupBy(s => s.Summary.VmId)
                .Select(vm => new FoundVm(
                    vm.Key, vm.Select(s => s.Summary.Vm).FirstOrDefault(name => name is not null), vm.Count(), vm.Min(s => s.Summary.Created), vm.Max(s => s.Summary.Created),
                    vm.Count(s => s.Trouble is not null)))
                .OrderBy(vm => vm.Name, StringComparer.Ordinal).ThenBy(vm => vm.Id).ToList();
            domains.Add(new FoundDomain(group.Key, opener.Path, group.Count(), vms, await unit.EpochsAsync(group.Key, cancel)));
        }
        var unused = files.Where(f => domains.TrueForAll(d => d.Id != f.File.Domain)).Select(f => f.Path).ToList();
        return new Found(unit.Parameters.UnitId, unit.Parameters.ChunkSize, await unit.HeadAsync(cancel), domains, unused, list.Damaged);
    }

    private static void Print(Found found, string directory)
    {
        Console.Out.WriteLine($"storage unit {found.Unit:D}, chunks of {Bytes.Format(found.ChunkSize)}, {Counted.Of(found.Domains.Count, "key domain")} with images");
        foreach (var domain in found.Domains)
        {
            Console.Out.WriteLine($"key domain {domain.Id:D}: {Counted.Of(domain.Images, "image")}, {Bytes.Format(domain.Epochs.Sum(e => e.Bytes))}, "
                + (domain.KeyFile is { } file ? $"opened by {file}" : "opened by none of the key files"));
            var table = Terminal.NewTable("vm", "id", ">images", "first", "last", "");
            foreach (var vm in domain.Vms)
                table.AddRow(Markup.Escape(vm.Name ?? "-"), $"{vm.Id:D}", $"{vm.Images}", $"{vm.First:u}", $"{vm.Last:u}", vm.Unopened > 0 ? Counted.Of(vm.Unopened, "does not open", "do not open") : "");
            Terminal.Out.Write(table);
        }
        foreach (var file in found.UnusedKeyFiles) Console.Out.WriteLine($"key file {file} opens nothing here");
        Console.Out.WriteLine($"head {found.Head}");
        Console.Out.WriteLine($"restore from it with: stillpoint store restore {directory} IMAGE TARGET --key-file FILE");
        Console.Out.WriteLine($"attach it to a primary server with: stillpoint storage-unit create NAME --folder {directory}");
    }

    private sealed record Found(
        Guid Unit, int ChunkSize, string Head, IReadOnlyList<FoundDomain> Domains, IReadOnlyList<string> UnusedKeyFiles, IReadOnlyList<string> Damaged);

    private sealed record FoundDomain(Guid Id, string? KeyFile, int Images, IReadOnlyList<FoundVm> Vms, IReadOnlyList<EpochUse> Epochs);

    /// <param name="Unopened">Images whose sealed part the key does not open: altered, or never sound.</param>
    private sealed record FoundVm(Guid Id, string? Name, int Images, DateTimeOffset First, DateTimeOffset Last, int Unopened);
}
