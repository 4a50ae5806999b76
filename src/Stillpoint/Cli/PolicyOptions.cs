using System.CommandLine;
using System.Text.Json;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary>The options of <c>policy create</c> and <c>policy edit</c>: each changes one member of a policy.</summary>
internal sealed class PolicyOptions
{
    private readonly Option<FileInfo?> _file = new("--file")
    {
        Description = "A policy as JSON, as 'policy show --output json' prints it.", HelpName = "FILE",
    };

    private readonly Option<string?> _unit = new("--storage-unit") { Description = "Storage unit that gets the images.", HelpName = "NAME" };
    private readonly Option<string?> _method = new("--method") { Description = "How the snapshot is taken.", HelpName = "wmi|vss" };

    private readonly Option<string[]> _vms = new("--vm")
    {
        Description = "A VM to protect, by name or id; HOST/* for all of a host. Without any: all VMs of all hosts. May be repeated.",
        HelpName = "HOST/VM",
    };

    private readonly Option<bool?> _blocks = new("--block-level-incremental")
    {
        Description = "Keep a reference point on the host and move changed blocks only; on unless turned off with false.", HelpName = "true|false",
    };

    private readonly Option<string?> _consistency = new("--consistency")
    {
        Description = "What is asked of a checkpoint.", HelpName = "application|application-then-crash|crash",
    };

    private readonly Option<string?> _guest = new("--guest-backup-type")
    {
        Description = "copy leaves the guest's own log backups alone; full may truncate logs.", HelpName = "copy|full",
    };

    private readonly Option<bool?> _audit = new("--tracking-audit")
    {
        Description = "Read random chunks outside the change list and compare; on unless turned off with false.", HelpName = "true|false",
    };

    private readonly Option<string?> _outside = new("--outside-disks")
    {
        Description = "Pass-through and shared disks, which no checkpoint holds: leave them out of the image, or do not back up the VM.",
        HelpName = "skip|fail",
    };

    private readonly Option<int?> _rescan = new("--rescan-days")
    {
        Description = "A full read is due when the last one is older.", HelpName = "DAYS",
    };


    private readonly Option<string[]> _schedules = new("--schedule")
    {
        Description = "NAME=TYPE[,every=1d][,days=30][,keep=2]; TYPE is full, differential-incremental or cumulative-incremental; "
            + "without 'every' it is run by hand. May be repeated.",
        HelpName = "SCHEDULE",
    };

    /// <summary>What a new policy is where nothing is said.</summary>
    public static Policy Default(string name) => new(
        name, BackupMethod.Wmi, "", [], true, ConsistencyPolicy.Application, GuestBackupType.Copy,
        [new Schedule("full", ImageType.Full, null, new Retention(30, 2))]);

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_file, _unit, _method, _vms, _blocks, _consistency, _guest, _audit, _outside, _rescan, _schedules])
            command.Add(option);
    }

    /// <summary>The policy that the options make of <paramref name="policy"/>.</summary>
    public Policy Read(ParseResult parsed, Policy policy)
    {
        if (parsed.GetValue(_file) is { } file) policy = FromFile(file.FullName) with { Name = policy.Name };
        return policy with
        {
            StorageUnit = parsed.GetValue(_unit) ?? policy.StorageUnit,
            Method = Word(parsed, _method, policy.Method),
            Vms = parsed.GetValue(_vms) is { Length: > 0 } vms ? [.. vms.Select(Vm)] : policy.Vms,
            BlockLevelIncremental = parsed.GetValue(_blocks) ?? policy.BlockLevelIncremental,
            Consistency = Word(parsed, _consistency, policy.Consistency),
            GuestBackupType = Word(parsed, _guest, policy.GuestBackupType),
            TrackingAudit = parsed.GetValue(_audit) ?? policy.TrackingAudit,
            OutsideDisks = Word(parsed, _outside, policy.OutsideDisks),
            RescanDays = parsed.GetValue(_rescan) ?? policy.RescanDays,
            Schedules = parsed.GetValue(_schedules) is { Length: > 0 } schedules ? [.. schedules.Select(ScheduleText.Parse)] : policy.Schedules,
        };
    }

    private static T Word<T>(ParseResult parsed, Option<string?> option, T otherwise) where T : struct, Enum
    {
        if (parsed.GetValue(option) is not { } word) return otherwise;
        return Words.TryParse<T>(word, out var value) ? value : throw Wrong($"{option.Name} {word}: it must be one of {option.HelpName}.");
    }

    private static VmSelection Vm(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash <= 0 || slash == text.Length - 1) throw Wrong($"--vm {text}: it must be HOST/VM or HOST/*.");
        var vm = text[(slash + 1)..];
        return new VmSelection(text[..slash], vm == "*" ? null : vm);
    }

    private static Policy FromFile(string path)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            var root = document.RootElement;
            var policy = root.ValueKind == JsonValueKind.Object && root.TryGetProperty("policy", out var inner) ? inner : root;
            return policy.Deserialize<Policy>(Words.Json) ?? throw Wrong($"{path} holds no policy.");
        }
        catch (JsonException e)
        {
            throw Wrong($"{path} is no policy: {e.Message}");
        }
    }

    private static CommandFailedException Wrong(string message) => new(ExitCodes.Failed, message, "See 'stillpoint policy create --help'.");
}
