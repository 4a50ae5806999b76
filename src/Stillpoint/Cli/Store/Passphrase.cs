using System.Text;

namespace Stillpoint.Cli;

/// <summary>Where passphrases come from: a file that is named, a file that the environment names, or a prompt without echo. Never the command
/// line, which others on the machine can read.</summary>
internal static class Passphrase
{
    private const int MostBytes = 1024;

    /// <summary>A passphrase that exists.</summary>
    /// <param name="file">The option's value; null when it was not given.</param>
    /// <param name="variable">Environment variable that may name the file.</param>
    /// <param name="prompt">What a person is asked for.</param>
    /// <returns>UTF-8; null when there is none and nobody can be asked.</returns>
    public static byte[]? Ask(string? file, string variable, string prompt)
    {
        if ((file ?? Variable(variable)) is { } path) return FromFile(path);
        if (Console.IsInputRedirected) return null;
        return Encoding.UTF8.GetBytes(Typed(prompt));
    }

    /// <summary>The passphrase in a file that is named, by option or environment; null when none is. Nobody is asked.</summary>
    public static byte[]? Named(string? file, string variable) => (file ?? Variable(variable)) is { } path ? FromFile(path) : null;

    /// <summary>A passphrase that something new is locked with; typed twice.</summary>
    public static byte[]? AskNew(string? file, string variable, string prompt)
    {
        if (file is not null || Variable(variable) is not null || Console.IsInputRedirected) return Ask(file, variable, prompt);
        var first = Typed(prompt);
        return first == Typed($"{prompt} once more")
            ? Encoding.UTF8.GetBytes(first)
            : throw new CommandFailedException(ExitCodes.Failed, "the two passphrases differ.", "try again");
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    private static byte[] FromFile(string path)
    {
        if (!File.Exists(path)) throw new CommandFailedException(ExitCodes.NotFound, $"there is no passphrase file {path}.");
        if (new FileInfo(path).Length > MostBytes) throw new CommandFailedException(ExitCodes.Failed, $"passphrase file {path} has more than {MostBytes} bytes.");
        var text = File.ReadAllText(path);
        // The line end that editors add is no part of it.
        text = text.TrimEnd('\n').TrimEnd('\r');
        return text.Length > 0 && !text.Contains('\n', StringComparison.Ordinal)
            ? Encoding.UTF8.GetBytes(text)
            : throw new CommandFailedException(ExitCodes.Failed, $"passphrase file {path} does not hold one line.", "write the passphrase into its first line, alone");
    }

    private static string Typed(string prompt)
    {
        using var ends = Interruption.Immediate();
        Console.Error.Write($"{prompt}: ");
        var text = new StringBuilder();
        while (true)
        {
            var key = Console.ReadKey(intercept: true);
            if (key.Key == ConsoleKey.Enter) break;
            if (key.Key == ConsoleKey.Backspace) text.Length = Math.Max(0, text.Length - 1);
            else if (!char.IsControl(key.KeyChar)) text.Append(key.KeyChar);
        }
        Console.Error.WriteLine();
        return text.ToString();
    }
}
