using System.Text.Json;
using Stillpoint.Durable;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary>What is known of a key file's recovery kit: a small file beside the key file. Until the kit was opened once, nobody knows that it
/// can be; each backup says so.</summary>
/// <param name="Made">When a kit was made, UTC.</param>
/// <param name="Kit">Where it was written.</param>
/// <param name="Opened">When one was first opened, UTC.</param>
internal sealed record KitState(DateTimeOffset Made, string Kit, DateTimeOffset? Opened)
{
    /// <summary>The state; null where no kit was made, or its file cannot be read.</summary>
    public static KitState? Read(string keyFile)
    {
        try
        {
            if (!File.Exists(PathOf(keyFile))) return null;
            // Every backup reads it, and a reader made for the type takes longer than some backups.
            using var json = JsonDocument.Parse(File.ReadAllBytes(PathOf(keyFile)));
            var root = json.RootElement;
            DateTimeOffset? opened = root.TryGetProperty("opened", out var at) && at.ValueKind != JsonValueKind.Null ? at.GetDateTimeOffset() : null;
            return new KitState(root.GetProperty("made").GetDateTimeOffset(), root.GetProperty("kit").GetString() ?? "", opened);
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException or KeyNotFoundException or InvalidOperationException
            or FormatException)
        {
            return null;
        }
    }

    public void Write(string keyFile) => DurableFile.Replace(PathOf(keyFile), JsonSerializer.SerializeToUtf8Bytes(this, Words.ReadableJson));

    /// <summary>One line at the end of a backup, while the kit was never opened.</summary>
    public static void Warn(string? keyFile)
    {
        if (keyFile is not null && Read(keyFile) is { Opened: null } state)
            Terminal.Note($"warning: the recovery kit {state.Kit} was never opened; see that it works: {TryIt(state.Kit, keyFile)}");
    }

    /// <summary>The command that opens a kit and, since it knows the key file, notes that it was opened.</summary>
    public static string TryIt(string kit, string keyFile) => $"stillpoint store kit open {kit} --key-file {keyFile}";

    private static string PathOf(string keyFile) => keyFile + ".kit-state";
}
