namespace Stillpoint.Lab;

/// <summary>What an ASSOCIATORS OF or REFERENCES OF asks for beside the object; null means anything.</summary>
internal sealed record AssociationFilter(string? AssocClass = null, string? ResultClass = null, string? Role = null, string? ResultRole = null);

/// <summary>All instances of the host, made anew from its live state for each question.</summary>
internal sealed class CimRepository
{
    private readonly List<(CimClass Class, Func<IEnumerable<CimInstance>> Instances)> _sources = [];
    private readonly CimSchema _schema;

    private readonly HostLanguage _language;

    public CimRepository(CimSchema schema, HostLanguage language) => (_schema, _language) = (schema, language);

    /// <summary>Says where the instances of a class come from.</summary>
    public void Add(string className, Func<IEnumerable<CimInstance>> instances) => _sources.Add((_schema.Get(className), () => instances().Select(_language.Speak)));

    /// <summary>All instances of a class and of those that derive from it.</summary>
    /// <exception cref="CimException">No such class.</exception>
    public IReadOnlyList<CimInstance> Instances(string className)
    {
        if (!_schema.Knows(className)) throw new CimException(CimException.InvalidClass, "Invalid class ");
        return [.. _sources.Where(s => s.Class.Is(className)).SelectMany(s => s.Instances())];
    }

    /// <summary>The one instance that has these keys; keys left out match anything.</summary>
    /// <exception cref="CimException">No such class or instance, or more than one.</exception>
    public CimInstance Get(string className, IReadOnlyCollection<(string Name, string Value)> keys)
    {
        var found = Instances(className).Where(i => i.Path.Matches(keys)).Take(2).ToArray();
        return found.Length switch
        {
            1 => found[0],
            0 => throw new CimException(CimException.NotFound, "Not found "),
            _ => throw new CimException(CimException.InvalidMethodParameters, "Invalid method Parameter(s) "),
        };
    }

    /// <summary>The instance at a path, or null.</summary>
    public CimInstance? Find(CimPath path) =>
        _schema.Find(path.ClassName) is null ? null : Instances(path.ClassName).FirstOrDefault(i => i.Path.Matches(path.Keys));

    /// <summary>Instances at the other ends of the associations that name an object.</summary>
    public IReadOnlyList<CimInstance> Associators(CimPath source, AssociationFilter filter)
    {
        var found = new Dictionary<CimPath, CimInstance>();
        foreach (var link in Links(source, filter.AssocClass, filter.Role))
        {
            foreach (var other in link.Class.Properties.Where(p => p.Type == CimType.Reference))
            {
                if (link[other.Name] is not CimPath target || target.Equals(source)) continue;
                if (filter.ResultRole is { } role && !other.Name.Equals(role, StringComparison.OrdinalIgnoreCase)) continue;
                if (_schema.Find(target.ClassName) is not { } targetClass) continue;
                if (filter.ResultClass is { } result && !targetClass.Is(result)) continue;
                if (!found.ContainsKey(target) && Find(target) is { } instance) found.Add(target, instance);
            }
        }
        return [.. found.Values];
    }

    /// <summary>The associations that name an object.</summary>
    public IReadOnlyList<CimInstance> References(CimPath source, AssociationFilter filter) =>
        [.. Links(source, filter.ResultClass ?? filter.AssocClass, filter.Role)];

    private IEnumerable<CimInstance> Links(CimPath source, string? assocClass, string? role)
    {
        if (assocClass is not null && !_schema.Knows(assocClass)) throw new CimException(CimException.InvalidClass, "Invalid class ");
        foreach (var (@class, instances) in _sources)
        {
            if (!@class.Properties.Any(p => p.Type == CimType.Reference)) continue;
            if (assocClass is not null && !@class.Is(assocClass)) continue;
            var ends = @class.Properties.Where(p => p.Type == CimType.Reference)
                .Where(p => role is null || p.Name.Equals(role, StringComparison.OrdinalIgnoreCase)).ToArray();
            foreach (var link in instances())
            {
                if (ends.Any(e => source.Equals(link[e.Name] as CimPath))) yield return link;
            }
        }
    }
}
