namespace Stillpoint.Lab;

/// <summary>A query in WQL.</summary>
internal abstract record Wql
{
    /// <summary>SELECT: properties (empty for <c>*</c>), class, condition (null for all).</summary>
    public sealed record Select(IReadOnlyList<string> Properties, string ClassName, WqlCondition? Where) : Wql;

    /// <summary>ASSOCIATORS OF or REFERENCES OF an object.</summary>
    public sealed record Related(CimPath Source, bool ReferencesOnly, AssociationFilter Filter) : Wql;
}
