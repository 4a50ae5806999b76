namespace Stillpoint.HyperV;

/// <summary>Writes WQL queries; every value is quoted, so that a name cannot become a part of the query.</summary>
internal static class Wql
{
    public static string SelectAll(string className) => $"SELECT * FROM {className}";

    public static string SelectWhere(string className, string property, string value) =>
        $"SELECT * FROM {className} WHERE {property} = {Quote(value)}";

    /// <summary>The instances of one class that an association leads to.</summary>
    public static string Associators(EndpointReference from, string association, string resultClass) =>
        $"ASSOCIATORS OF {{{from.ClassName}.{string.Join(',', from.Selectors.Select(s => $"{s.Key}={Quote(s.Value)}"))}}} "
        + $"WHERE AssocClass = {association} ResultClass = {resultClass}";

    private static string Quote(string value) =>
        "'" + value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal) + "'";
}
