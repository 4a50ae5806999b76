namespace Stillpoint.Lab;

/// <summary>A class of <c>root\virtualization\v2</c>.</summary>
internal sealed class CimClass
{
    private readonly Dictionary<string, CimProperty> _byName;
    private readonly HashSet<string> _family;

    public CimClass(string name, IEnumerable<string> ancestors, IEnumerable<CimProperty> properties)
    {
        Name = name;
        Properties = [.. properties.OrderBy(p => p.Name, StringComparer.OrdinalIgnoreCase)];
        Keys = [.. Properties.Where(p => p.IsKey)];
        _byName = Properties.ToDictionary(p => p.Name, StringComparer.OrdinalIgnoreCase);
        _family = new(ancestors, StringComparer.OrdinalIgnoreCase) { name };
    }

    /// <summary>Name as the schema spells it.</summary>
    public string Name { get; }

    /// <summary>All properties in case-insensitive order of their names, the order in which hosts send them.</summary>
    public IReadOnlyList<CimProperty> Properties { get; }

    /// <summary>The key properties.</summary>
    public IReadOnlyList<CimProperty> Keys { get; }

    /// <summary>True when this is the named class or derives from it.</summary>
    public bool Is(string className) => _family.Contains(className);

    /// <summary>The property of that name, or null.</summary>
    public CimProperty? Find(string property) => _byName.GetValueOrDefault(property);
}
