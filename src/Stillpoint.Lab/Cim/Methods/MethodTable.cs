namespace Stillpoint.Lab;

/// <summary>All methods of all classes.</summary>
internal sealed class MethodTable
{
    private readonly List<CimMethod> _methods = [];

    public MethodTable(params IEnumerable<IEnumerable<CimMethod>> groups)
    {
        foreach (var group in groups) _methods.AddRange(group);
    }

    /// <summary>All of them.</summary>
    public IReadOnlyList<CimMethod> All => _methods;

    /// <summary>The method of a class or of one it derives from; null when there is none.</summary>
    public CimMethod? Find(CimClass @class, string name) =>
        _methods.FirstOrDefault(m => @class.Is(m.ClassName) && m.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
}
