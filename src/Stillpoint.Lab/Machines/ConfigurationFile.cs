using System.Text.Json;
using Stillpoint.Durable;

namespace Stillpoint.Lab;

/// <summary>
/// Configuration files (<c>.vmcx</c>) of the lab. The real format is Microsoft's own and unpublished; this one has a magic of its own, and
/// nothing but the lab reads it.
/// </summary>
internal static class ConfigurationFile
{
    private const int MaxSize = 4 << 20;
    private static ReadOnlySpan<byte> Magic => "STILLPOINT-LAB-VMCX-1\r\n"u8;

    /// <summary>Writes the settings and the files that stand beside a configuration.</summary>
    public static void Write(HostPaths paths, string hostPath, MachineSettings settings)
    {
        var local = paths.ToLocal(hostPath);
        Directory.CreateDirectory(Path.GetDirectoryName(local)!);
        byte[] bytes = [.. Magic, .. JsonSerializer.SerializeToUtf8Bytes(settings)];
        DurableFile.Replace(local, bytes);
        foreach (var sibling in Siblings(settings)) DurableFile.Replace(Path.ChangeExtension(local, sibling), "STILLPOINT-LAB-STATE-1\r\n"u8);
    }

    /// <summary>Reads settings.</summary>
    /// <exception cref="JobFailedException">The file is missing or no configuration of the lab.</exception>
    public static MachineSettings Read(HostPaths paths, string hostPath)
    {
        var local = paths.ToLocal(hostPath);
        var file = new FileInfo(local);
        if (!file.Exists)
        {
            throw new JobFailedException($"Failed to import a virtual machine. The file '{hostPath}' was not found. (0x80070002)", 32779);
        }
        if (file.Length <= MaxSize)
        {
            var bytes = File.ReadAllBytes(local).AsSpan();
            try
            {
                if (bytes.StartsWith(Magic) && JsonSerializer.Deserialize<MachineSettings>(bytes[Magic.Length..]) is { } settings) return settings;
            }
            catch (JsonException)
            {
                // Falls through to the one message for everything that is no configuration.
            }
        }
        throw new JobFailedException($"Failed to import a virtual machine. '{hostPath}' is not a valid configuration file. (0x8007000D)");
    }

    /// <summary>Removes a configuration and what stands beside it.</summary>
    public static void Delete(HostPaths paths, string hostPath)
    {
        var local = paths.ToLocal(hostPath);
        foreach (var ending in new[] { ".vmcx", ".vmrs", ".vmgs" }) File.Delete(Path.ChangeExtension(local, ending));
    }

    private static IEnumerable<string> Siblings(MachineSettings settings) => settings.Generation == 2 ? [".vmrs", ".vmgs"] : [".vmrs"];
}
