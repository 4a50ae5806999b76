using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using Stillpoint.Chunks;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Cli;

/// <summary><c>store verify DIR</c>: exits 0 when all is sound, 4 when anything is damaged or the head is not the expected one, 1 when all images
/// are of other key domains, so that nothing could be checked. Stopped, it goes on the next time.</summary>
internal sealed class StoreVerify
{
    private readonly Argument<string> _directory = StoreAccess.NewDirectory();
    private readonly Option<string?> _keyFile = StoreAccess.NewKeyFile();
    private readonly Option<bool> _stored = new("--stored") { Description = "Look at structure, presence and checksums only; needs no key." };
    private readonly Option<string?> _expect = new("--expect") { Description = "The head that the unit must have: finds a unit that was rolled back as a whole.", HelpName = "HEAD" };
    private readonly Option<string?> _olderThan = new("--older-than") { Description = "Leave out what was found sound within this time, as 30d or 12h.", HelpName = "TIME" };
    private readonly Option<string?> _image = new("--image") { Description = "One image and what it refers to: its id, the beginning of it, or latest, of several VMs with --vm.", HelpName = "IMAGE" };
    private readonly Option<string?> _vm = ImageChoice.NewVm();
    private readonly Option<string?> _sample = new("--sample") { Description = "Read this share of the packs, picked at random, as 5%.", HelpName = "SHARE" };
    private readonly Option<string?> _limit = new("--limit") { Description = "Read at most so much in a second, as 100M.", HelpName = "SIZE" };
    private readonly Option<bool> _restart = new("--restart") { Description = "Begin anew although a verify was stopped." };

    public static Command Create() => new StoreVerify().Build();

    private Command Build()
    {
        var command = new Command("verify", "Check every record and every image: decrypt, decompress, compare with the id. Stopped, it goes on the next time.")
        {
            _directory, _keyFile, _stored, _expect, _olderThan, _image, _vm, _sample, _limit, _restart,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancel)
    {
        if (parsed.GetValue(_vm) is not null && parsed.GetValue(_image) is null)
            throw new CommandFailedException(ExitCodes.Failed, "--vm says of which VM --image latest is, and no --image was given.", "add --image latest");
        var expected = parsed.GetValue(_expect) is { } text ? ExpectedHead.Parse(text) : null;
        await using var unit = await StoreAccess.OpenAsync(parsed.GetRequiredValue(_directory), cancel);
        var head = await unit.HeadAsync(cancel);
        var other = expected is null ? null : await ExpectedHead.DifferentAsync(unit, expected, head, cancel);
        if (other is not null) Terminal.Note("warning: the unit's head is not the expected one; what is there is checked all the same.");
        using var keys = parsed.GetValue(_stored) ? null : StoreAccess.Keys(parsed.GetValue(_keyFile), parsed.GetValue(StoreAccess.PassphraseFile));
        var options = await OptionsAsync(parsed, unit, keys, cancel);
        VerifyReport report;
        ByteProgress? progress = null;
        try
        {
            var shown = new Late(() => progress);
            report = await UnitVerify.RunAsync(unit, options, total => progress = new ByteProgress("verify", total, TimeProvider.System), shown, cancel);
        }
        catch (OperationCanceledException)
        {
            if (options.Whole) Terminal.Note("What was found sound so far is remembered: the next verify goes on here, --restart begins anew.");
            throw;
        }
        finally
        {
            progress?.Dispose();
        }
        if (report is { Damage.Count: 0, Images.Count: 0, NotDue: 0, Unchecked: > 0 })
        {
            throw new CommandFailedException(
                ExitCodes.Failed, $"nothing was checked: the unit's {Belong(report.Unchecked)} to other key domains than the key's.",
                "give the key file that they were made with, or check the stored bytes without a key: --stored");
        }
        if (report.Unchecked > 0) Terminal.Note($"warning: {Belong(report.Unchecked)} to other key domains and {(report.Unchecked == 1 ? "was" : "were")} not checked.");
        await RememberAsync(unit, keys, report, cancel);
        Print(parsed.GetValue(StillpointCommand.Output), report, new Heads(head, await unit.HeadAsync(cancel), other));
        if (report.Damage.Count > 0) Terminal.Next(Heal(parsed.GetRequiredValue(_directory), parsed.GetValue(_keyFile)));
        return report.Damage.Count == 0 && other is null ? ExitCodes.Ok : ExitCodes.Damaged;
    }

    /// <summary>What to do about damage, with the names that were given.</summary>
    private static string Heal(string unit, string? keyFile) =>
        $"bring what is damaged from a unit that holds a copy: stillpoint store repair {unit} --from OTHER --key-file {StoreAccess.KeyFileOf(keyFile) ?? "FILE"}; "
        + "where there is none, run a full backup of each VM that is still there: it stores anew what is missing";

    /// <summary>What was found is told whether or not the unit can hold it: it may be full, or read-only.</summary>
    private static async Task RememberAsync(StorageUnit unit, DomainKeys? keys, VerifyReport report, CancellationToken cancel)
    {
        using var random = RandomNumberGenerator.Create();
        try
        {
            await VerifyNotes.WriteAsync(unit, keys, report, random, cancel);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or TroubleException)
        {
            Terminal.Note($"warning: the unit does not remember this verify: {e.Message}");
        }
    }

    private async Task<VerifyOptions> OptionsAsync(ParseResult parsed, StorageUnit unit, DomainKeys? keys, CancellationToken cancel)
    {
        var share = parsed.GetValue(_sample) is { } text ? Share(text) : 1;
        return new VerifyOptions
        {
            Keys = keys,
            OlderThan = parsed.GetValue(_olderThan) is { } age ? Age(age) : null,
            Image = parsed.GetValue(_image) is { } image ? new ImageChoice((await unit.ListImagesAsync(cancel)).Images, keys, parsed.GetValue(_vm)).Find(image).Header.Id : null,
            Sample = share,
            Pick = share < 1 ? new Random(RandomNumberGenerator.GetInt32(int.MaxValue)) : null,
            BytesPerSecond = parsed.GetValue(_limit) is { } limit ? Rate(limit) : null,
            Remember = true,
            Restart = parsed.GetValue(_restart),
        };
    }

    private static double Share(string text) =>
        double.TryParse(text.TrimEnd('%'), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var percent) && percent is > 0 and <= 100
            ? percent / 100
            : throw new CommandFailedException(ExitCodes.Failed, $"--sample {text} is no share.", "write 5% for a twentieth of the packs");

    private static TimeSpan Age(string text) =>
        text.Length > 1 && double.TryParse(text[..^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number < 100_000
            ? text[^1] switch
            {
                'd' => TimeSpan.FromDays(number),
                'h' => TimeSpan.FromHours(number),
                'm' => TimeSpan.FromMinutes(number),
                _ => throw NoAge(text),
            }
            : throw NoAge(text);

    private static long Rate(string text) =>
        Bytes.TryParse(text, out var rate) && rate > 0
            ? rate
            : throw new CommandFailedException(ExitCodes.Failed, $"--limit {text} is no size.", "write 100M for a hundred mebibytes a second");

    private static CommandFailedException NoAge(string text) => new(ExitCodes.Failed, $"--older-than {text} is no time.", "write 30d, 12h or 90m");

    private static void Print(OutputFormat format, VerifyReport report, Heads heads)
    {
        if (format == OutputFormat.Json)
        {
            Terminal.Json(new Result(report.Damage.Count > 0 ? "damaged" : heads.Other is null ? "sound" : "other-head", report.Kind, report.Packs, report.Records, report.Bytes, report.Images,
                report.Unchecked, report.NotDue, report.Skipped, report.Partial, report.Damage, heads.Before, heads.Now, heads.Other));
            return;
        }
        foreach (var line in heads.Other?.Lines(heads.Before) ?? []) Console.Out.WriteLine(line);
        foreach (var damage in report.Damage) Console.Out.WriteLine($"damaged: {damage}");
        if (report.NotDue > 0 && report.Images.Count == 0)
            Console.Out.WriteLine($"nothing is older: {Counted.Of(report.NotDue, "image was", "images were")} found sound within that time");
        Console.Out.WriteLine(
            $"{(report.Damage.Count == 0 ? "sound" : "DAMAGED")}: {Counted.Of(report.Images.Count, "image")}, {Counted.Of(report.Packs, "pack")}, {Counted.Of(report.Records, "record")}, {Bytes.Format(report.Bytes)}"
            + (report.Skipped > 0 ? $"; {Counted.Of(report.Skipped, "pack")} not read: {(report.Partial ? "not picked, or " : "")}found sound before" : "")
            + (report.Kind == VerifyKind.Stored ? "; stored bytes only, nothing was decrypted" : ""));
        Console.Out.WriteLine($"head before this verify: {heads.Before}");
        Console.Out.WriteLine($"head now, with its notes: {heads.Now}");
    }

    private static string Belong(int count) => Counted.Of(count, "image belongs", "images belong");

    private sealed record Result(
        string Verdict, VerifyKind Kind, long Packs, long Records, long Bytes, IReadOnlyList<VerifiedImage> Images, int Unchecked, int NotDue, long Skipped, bool Partial,
        IReadOnlyList<string> Damage, string Head, string HeadNow, ExpectedHead? Expected);

    /// <summary>The unit's heads before and after the verify, and the expected one where it is another than the first.</summary>
    private sealed record Heads(string Before, string Now, ExpectedHead? Other);

    /// <summary>Progress that is made once the total is known.</summary>
    private sealed class Late(Func<IProgress<long>?> inner) : IProgress<long>
    {
        public void Report(long value) => inner()?.Report(value);
    }
}
