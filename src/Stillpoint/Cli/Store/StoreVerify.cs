using System.CommandLine;
using System.Security.Cryptography;
using Stillpoint.Chunks;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Cli;

/// <summary><c>store verify DIR [--stored] [--expect HEAD]</c>: exits 0 when all is sound, 4 when anything is damaged, 1 when all images
/// are of other key domains, so that nothing could be checked.</summary>
internal static class StoreVerify
{
    public static Command Create()
    {
        var directory = StoreAccess.NewDirectory();
        var keyFile = StoreAccess.NewKeyFile();
        var stored = new Option<bool>("--stored") { Description = "Look at structure, presence and checksums only; needs no key." };
        var expect = new Option<string?>("--expect") { Description = "The head that the unit must have: finds a unit that was rolled back as a whole.", HelpName = "HEAD" };
        var command = new Command("verify", "Check every record and every image: decrypt, decompress, compare with the id.") { directory, keyFile, stored, expect };
        command.SetAction(async (parsed, cancel) =>
        {
            await using var unit = await StoreAccess.OpenAsync(parsed.GetRequiredValue(directory), cancel);
            var head = await unit.HeadAsync(cancel);
            using var keys = parsed.GetValue(stored) ? null : StoreAccess.Keys(parsed.GetValue(keyFile), parsed.GetValue(StoreAccess.PassphraseFile));
            var stats = await unit.StatsAsync(cancel);
            VerifyReport report;
            using (var progress = new ByteProgress("verify", stats.DataBytes + stats.NodeBytes, TimeProvider.System))
                report = await UnitVerify.RunAsync(unit, keys, progress, cancel);
            if (parsed.GetValue(expect) is { } expected && !string.Equals(expected, head, StringComparison.OrdinalIgnoreCase))
                report = report with { Damage = [.. report.Damage, $"the unit's head is {head}, not {expected}: it is not in the state that was remembered."] };
            if (report is { Damage.Count: 0, Images.Count: 0, Unchecked: > 0 })
            {
                throw new CommandFailedException(
                    ExitCodes.Failed, $"nothing was checked: the unit's {Images(report.Unchecked)} belong to other key domains than the key's.",
                    "give the key file that they were made with, or check the stored bytes without a key: --stored");
            }
            if (report.Unchecked > 0) Terminal.Note($"warning: {Images(report.Unchecked)} belong to other key domains and were not checked.");
            if (keys is not null) await RecordAsync(unit, keys, report, cancel);
            Print(parsed.GetValue(StillpointCommand.Output), report, head);
            return report.Damage.Count == 0 ? ExitCodes.Ok : ExitCodes.Damaged;
        });
        return command;
    }

    /// <summary>The result stands beside each image: a damaged one is never built on.</summary>
    private static async Task RecordAsync(StorageUnit unit, DomainKeys keys, VerifyReport report, CancellationToken cancel)
    {
        using var random = RandomNumberGenerator.Create();
        var now = StoreAccess.Environment.Time.GetUtcNow();
        foreach (var image in report.Images)
        {
            var result = new VerifyResult(now, image.Sound ? "sound" : "damaged", report.Kind);
            await unit.AnnotateAsync(image.Id, NoteKind.Verified, NoteCodec.Seal(keys, image.Id, result, random), cancel);
        }
    }

    private static void Print(OutputFormat format, VerifyReport report, string head)
    {
        if (format == OutputFormat.Json)
        {
            Terminal.Json(new Result(report.Damage.Count == 0 ? "sound" : "damaged", report.Kind, report.Packs, report.Records, report.Bytes, report.Images,
                report.Unchecked, report.Damage, head));
            return;
        }
        foreach (var damage in report.Damage) Console.Out.WriteLine($"damaged: {damage}");
        Console.Out.WriteLine(
            $"{(report.Damage.Count == 0 ? "sound" : "DAMAGED")}: {report.Images.Count} images, {report.Packs} packs, {report.Records} records, {Bytes.Format(report.Bytes)}"
            + (report.Kind == VerifyKind.Stored ? "; stored bytes only, nothing was decrypted" : ""));
        Console.Out.WriteLine($"head before this verify: {head}");
    }

    private static string Images(int count) => count == 1 ? "1 image" : $"{count} images";

    private sealed record Result(
        string Verdict, VerifyKind Kind, long Packs, long Records, long Bytes, IReadOnlyList<VerifiedImage> Images, int Unchecked,
        IReadOnlyList<string> Damage, string Head);
}
