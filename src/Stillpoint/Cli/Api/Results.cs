using System.CommandLine;
using Spectre.Console;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary>Prints results as the user asked for them.</summary>
internal static class Results
{
    /// <summary>A list: as a table whose cells <paramref name="row"/> gives, or as a JSON array.</summary>
    public static int List<T>(ParseResult parsed, IReadOnlyList<T> items, IReadOnlyList<Column> columns, Func<T, IReadOnlyList<string?>> row)
    {
        if (IsJson(parsed))
        {
            Terminal.Json(items);
            return ExitCodes.Ok;
        }
        Table(columns, [.. items.Select(item => (IReadOnlyList<string>)[.. row(item).Select(cell => cell ?? "–")])]);
        return ExitCodes.Ok;
    }

    /// <summary>A table that fits the terminal.</summary>
    public static void Table(IReadOnlyList<Column> columns, IReadOnlyList<IReadOnlyList<string>> cellsOfRows)
    {
        var (shown, rows) = Fit.To(columns, cellsOfRows, Terminal.Out.Profile.Width);
        var table = Terminal.NewTable(shown.Select(c => c.Right ? ">" + c.Name : c.Name));
        foreach (var (column, i) in shown.Select((column, i) => (column, i))) table.Columns[i].NoWrap = column.Unbroken;
        foreach (var cells in rows) table.AddRow(cells.Select(cell => new Text(cell)));
        Terminal.Out.Write(table);
    }

    /// <summary>One thing: as names and values, those without a value left out, or as a JSON object.</summary>
    public static int Show<T>(ParseResult parsed, T thing, params IReadOnlyList<(string Name, string? Value)> facts)
    {
        if (IsJson(parsed))
        {
            Terminal.Json(thing);
            return ExitCodes.Ok;
        }
        var grid = new Grid().AddColumn().AddColumn();
        foreach (var (name, value) in facts.Where(f => f.Value is not null)) grid.AddRow(new Text(name, new Style(Color.Grey)), new Text(value!));
        Terminal.Out.Write(grid);
        return ExitCodes.Ok;
    }

    public static bool IsJson(ParseResult parsed) => parsed.GetValue(StillpointCommand.Output) == OutputFormat.Json;

    public static string? At(DateTimeOffset? at) => at?.ToUniversalTime().ToString("yyyy-MM-dd HH:mm:ss'Z'");

    public static string State(Job job) => job.Outcome is { } outcome ? Words.Of(outcome) : Words.Of(job.State);
}
