using System.Text.Json;
using Spectre.Console;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary>How results are printed.</summary>
internal enum OutputFormat
{
    Table,
    Json,
}

/// <summary>What a command says: results on standard output, everything else on standard error.</summary>
internal static class Terminal
{
    /// <summary>Standard output for people. Wide when it is not a terminal, so that a piped table is not folded.</summary>
    public static IAnsiConsole Out { get; } = Create(Console.Out, Console.IsOutputRedirected);

    /// <summary>Standard error for people.</summary>
    public static IAnsiConsole Err { get; } = Create(Console.Error, Console.IsErrorRedirected);

    /// <summary>Prints a result as JSON by the house's rules.</summary>
    public static void Json<T>(T value) => Console.Out.WriteLine(JsonSerializer.Serialize(value, Words.ReadableJson));

    /// <summary>A table in the house's style.</summary>
    public static Table NewTable(params IEnumerable<string> columns)
    {
        var table = new Table().Border(TableBorder.Rounded).BorderStyle(Style.Parse("grey"));
        foreach (var column in columns)
        {
            // A leading '>' asks for right alignment: numbers.
            var right = column.StartsWith('>');
            var header = new TableColumn(Markup.Escape(right ? column[1..] : column));
            // A number keeps its unit beside it.
            table.AddColumn(right ? header.RightAligned().NoWrap() : header);
        }
        return table;
    }

    /// <summary>A table of names and what is said of each, without heads above them.</summary>
    public static Table NewFacts() => NewTable("", ">").HideHeaders();

    /// <summary>Writes a table to nowhere, so that the first one that counts comes without delay.</summary>
    public static void Warm()
    {
        _ = Out.Profile.Width;
        Create(TextWriter.Null, redirected: true).Write(NewTable("", ">").AddRow("", ""));
    }

    /// <summary>Says what went wrong and what to do next.</summary>
    public static void Error(string message, string? nextStep)
    {
        Err.MarkupLineInterpolated($"[red]error:[/] {message}");
        if (nextStep is not null) Next(nextStep);
    }

    /// <summary>Says what to do next: with a capital, unless it begins with what is to be typed.</summary>
    public static void Next(string step)
    {
        var typed = step.Length == 0 || step.StartsWith("stillpoint ", StringComparison.Ordinal);
        Err.MarkupLineInterpolated($"[yellow]next:[/] {(typed ? step : char.ToUpperInvariant(step[0]) + step[1..])}");
    }

    /// <summary>Says something that is no result.</summary>
    public static void Note(string message) => Err.MarkupLineInterpolated($"{message}");

    private static IAnsiConsole Create(TextWriter writer, bool redirected)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = redirected || Environment.GetEnvironmentVariable("NO_COLOR") is { Length: > 0 } ? AnsiSupport.No : AnsiSupport.Detect,
            Interactive = InteractionSupport.No,
        });
        console.Pipeline.Attach(new PlainText());
        if (redirected) console.Profile.Width = 2000;
        return console;
    }
}
