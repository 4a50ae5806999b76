namespace Stillpoint.Lab;

/// <summary>An instance as it was when it was asked for. A property that was not set is null.</summary>
internal sealed class CimInstance(CimClass @class)
{
    private readonly Dictionary<string, object?> _values = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Its class.</summary>
    public CimClass Class { get; } = @class;

    /// <summary>A value: bool, an integer, string, DateTimeOffset, TimeSpan, <see cref="CimPath"/>, or an array of one of these.</summary>
    /// <exception cref="InvalidOperationException">The class has no such property.</exception>
    public object? this[string property]
    {
        get => _values.GetValueOrDefault(property);
        set => _values[Class.Find(property)?.Name ?? throw new InvalidOperationException($"{Class.Name} has no {property}")] = value;
    }

    /// <summary>Its path; keys that are references stand in their object-path form.</summary>
    public CimPath Path => new(Class.Name, Class.Keys.Select(k => (k.Name, KeyText(this[k.Name]))));

    /// <summary>Sets several values at once.</summary>
    public CimInstance With(params (string Name, object? Value)[] values)
    {
        foreach (var (name, value) in values) this[name] = value;
        return this;
    }

    private static string KeyText(object? value) => value is CimPath path ? path.ToObjectPath(".") : value?.ToString() ?? "";
}
