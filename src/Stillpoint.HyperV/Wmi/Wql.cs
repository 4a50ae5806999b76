namespace Stillpoint.HyperV;

/// <summary>Writes WQL queries; every value is quoted, so that a name cannot become a part of the query.</summary>
internal static class Wql
{
    public static string SelectAll(string className) => $"SELECT * FROM {className}";

    public static string SelectWhere(string className, string property, string value) =>
        $"SELECT * FROM {className} WHERE {property} = {Quote(value)}";

    /// <summary>Some properties of a class's instances: a host sends no others, and loses the name of the class.</summary>
    public static string Select(Projection what) => $"SELECT {string.Join(',', what.Properties)} FROM {what.ClassName}"
        + (what.Where is { } where ? $" WHERE {where.Property} = {Quote(where.Value)}" : "");

    /// <summary>The instances of one class that an association leads to.</summary>
    public static string Associators(EndpointReference from, string association, string resultClass) =>
        $"ASSOCIATORS OF {{{from.ClassName}.{string.Join(',', from.Selectors.Select(s => $"{s.Key}={Quote(s.Value)}"))}}} "
        + $"WHERE AssocClass = {association} ResultClass = {resultClass}";

    private static string Quote(string value) =>
        "'" + value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal) + "'";
}

/// <summary>Some properties of a class's instances.</summary>
/// <param name="ClassName">The class.</param>
/// <param name="Properties">What is asked for; reading another property of the answer is an error.</param>
internal sealed record Projection(string ClassName, params IReadOnlyList<string> Properties)
{
    /// <summary>A property and the value that it must have.</summary>
    public (string Property, string Value)? Where { get; init; }
}
