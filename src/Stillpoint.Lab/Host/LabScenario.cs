using System.Text.Json;
using System.Text.Json.Serialization;

namespace Stillpoint.Lab;

/// <summary>A scenario file: JSON with the VMs that a lab has, <c>{"vms": [{"name", "disks": [{"file" or "size"}], …}]}</c>. The members are
/// those of <see cref="UserMachine"/> in camel case, values of enumerations in kebab case.</summary>
public sealed record LabScenario(IReadOnlyList<UserMachine> Vms)
{
    /// <summary>The version that the host says it is.</summary>
    public Version HostVersion { get; init; } = new(10, 0, 20348);

    /// <summary>Language of what the host says to people: <c>en-US</c> or <c>ja-JP</c>.</summary>
    public string Language { get; init; } = "en-US";

    private const long LargestFile = 4 << 20;

    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false) },
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectRequiredConstructorParameters = true,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        // Disks are told as objects here; their conversion from text is for code.
        MaxDepth = 16,
    };

    /// <summary>Reads a file; paths in it are taken from its folder.</summary>
    /// <exception cref="ArgumentException">It is no scenario, or says something that no host has.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static LabScenario Read(string path)
    {
        if (new FileInfo(path).Length > LargestFile) throw new ArgumentException($"{path} is too long for a scenario.");
        LabScenario? scenario;
        try
        {
            scenario = JsonSerializer.Deserialize<LabScenario>(File.ReadAllBytes(path), s_json);
        }
        catch (JsonException wrong)
        {
            throw new ArgumentException($"{path} is no scenario: {wrong.Message}", wrong);
        }
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var machines = (scenario?.Vms ?? throw new ArgumentException($"{path} is no scenario: it names no VMs.")).Select(m => m with { Disks = [.. m.Disks.Select(d => In(folder, d))] }).ToArray();
        foreach (var machine in machines) Check(machine);
        return scenario! with { Vms = machines };
    }

    private static UserDisk In(string folder, UserDisk disk) => disk.File is { } file ? disk with { File = Path.GetFullPath(file, folder) } : disk;

    private static void Check(UserMachine machine)
    {
        if (machine.Generation is not (1 or 2)) throw Wrong(machine, "generation is 1 or 2");
        if (!Version.TryParse(machine.Version, out var version) || version < new Version(5, 0) || version > new Version(12, 9))
            throw Wrong(machine, "version is 5.0 to 12.0");
        if (machine.State is not ("running" or "off" or "saved" or "paused")) throw Wrong(machine, "state is running, off, saved or paused");
        if (machine.PassThrough is < 0 or > 16 || machine.UserCheckpoints is < 0 or > 50 || machine.Disks.Count > 64 || machine.Adapters.Count > 8)
            throw Wrong(machine, "it has more than a VM can have");
        if (machine.Disks.Any(d => d.File is null && d.Size < 1 << 20)) throw Wrong(machine, "a disk needs a file, or a size of 1 MiB or more");
    }

    private static ArgumentException Wrong(UserMachine machine, string what) => new($"VM '{machine.Name}' of the scenario: {what}.");
}
