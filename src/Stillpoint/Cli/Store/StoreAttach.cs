using System.CommandLine;
using Stillpoint.Storage;

namespace Stillpoint.Cli;

/// <summary><c>store attach DIR --primary-key FILE</c>: from then on prune and collect run only by plans which that primary signed.</summary>
internal static class StoreAttach
{
    public static Command Create()
    {
        var directory = StoreAccess.NewDirectory();
        var key = new Option<string>("--primary-key") { Description = "File with the primary's Ed25519 public key: 32 bytes in Base64.", HelpName = "FILE", Required = true };
        var command = new Command("attach", "Tie the unit to a primary server, until that one detaches it: it then deletes only by plans that the primary signed.") { directory, key };
        command.SetAction(async (parsed, cancel) =>
        {
            var path = parsed.GetRequiredValue(key);
            if (!File.Exists(path)) throw new CommandFailedException(ExitCodes.NotFound, $"there is no file {path}.");
            var bytes = new byte[Attachment.KeySize];
            if (new FileInfo(path).Length > 4096 || !Convert.TryFromBase64String(File.ReadAllText(path).Trim(), bytes, out var length) || length != bytes.Length)
                throw new CommandFailedException(ExitCodes.Failed, $"{path} holds no public key of {Attachment.KeySize} bytes in Base64.");
            await using var unit = await StoreAccess.OpenAsync(parsed.GetRequiredValue(directory), cancel);
            await Attachment.AttachAsync(unit, bytes, cancel);
            if (parsed.GetValue(StillpointCommand.Output) == OutputFormat.Json) Terminal.Json(new Result(unit.Parameters.UnitId, Convert.ToBase64String(bytes)));
            else Console.Out.WriteLine($"storage unit {unit.Parameters.UnitId} deletes only by plans that this primary signed");
            return ExitCodes.Ok;
        });
        return command;
    }

    private sealed record Result(Guid Unit, string PrimaryKey);
}
