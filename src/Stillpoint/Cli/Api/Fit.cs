namespace Stillpoint.Cli;

/// <summary>Brings a list to the width of a terminal: long words short, then the least important columns out. What is left and still too wide
/// is folded by the table, but no column that must stay unbroken.</summary>
internal static class Fit
{
    // A column of words is readable folded to this.
    private const int Readable = 24;

    // "│ " before each cell, " " after it, "│" at the end.
    private const int Frame = 3;

    /// <param name="columns">All columns.</param>
    /// <param name="rows">Their cells.</param>
    /// <param name="width">Letters on a line.</param>
    public static (IReadOnlyList<Column> Columns, IReadOnlyList<IReadOnlyList<string>> Rows) To(
        IReadOnlyList<Column> columns, IReadOnlyList<IReadOnlyList<string>> rows, int width)
    {
        if (Width(columns, rows) <= width) return (columns, rows);
        rows = [.. rows.Select(row => (IReadOnlyList<string>)[.. row.Select((cell, i) => columns[i].Short?.Invoke(cell) ?? cell)])];
        while (Width(columns, rows) > width && columns.Where(c => c.Drop > 0).MinBy(c => c.Drop) is { } least)
        {
            var at = columns.ToList().IndexOf(least);
            columns = Without(columns, at);
            rows = [.. rows.Select(row => Without(row, at))];
        }
        return (columns, Cut(columns, rows, width));
    }

    /// <summary>The space that the others leave goes to the column whose cells may be cut.</summary>
    private static IReadOnlyList<IReadOnlyList<string>> Cut(IReadOnlyList<Column> columns, IReadOnlyList<IReadOnlyList<string>> rows, int width)
    {
        var at = columns.ToList().FindIndex(c => c.Cut > 0);
        if (at < 0) return rows;
        var others = Width(Without(columns, at), [.. rows.Select(row => Without(row, at))]);
        var space = Math.Max(columns[at].Cut, width - others - Frame);
        return [.. rows.Select(row => (IReadOnlyList<string>)[.. row.Select((cell, i) => i == at && cell.Length > space ? cell[..(space - 1)] + "…" : cell)])];
    }

    private static int Width(IReadOnlyList<Column> columns, IReadOnlyList<IReadOnlyList<string>> rows) =>
        1 + columns.Select((column, i) => Frame + rows.Select(row => Needs(column, row[i])).Append(column.Name.Length).Max()).Sum();

    private static int Needs(Column column, string cell)
    {
        var longest = cell.Split('\n').Max(line => line.Length);
        return column.Unbroken ? longest : Math.Min(longest, column.Cut > 0 ? column.Cut : Readable);
    }

    private static IReadOnlyList<T> Without<T>(IReadOnlyList<T> all, int at) => [.. all.Where((_, i) => i != at)];
}
