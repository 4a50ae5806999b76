using System.Reflection;

namespace Stillpoint.Lab;

/// <summary>The classes the lab knows, read from <c>Schema/classes.txt</c>.</summary>
internal sealed class CimSchema
{
    private readonly Dictionary<string, CimClass> _classes = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _abstract = new(StringComparer.OrdinalIgnoreCase);

    private CimSchema()
    {
    }

    /// <summary>All classes that have instances.</summary>
    public IEnumerable<CimClass> Classes => _classes.Values;

    /// <summary>Reads the schema that is part of this assembly.</summary>
    public static CimSchema Load()
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("Stillpoint.Lab.classes.txt")
            ?? throw new InvalidOperationException("the class list is not part of the assembly");
        using var reader = new StreamReader(stream);
        return Parse(reader);
    }

    /// <summary>The class of that name; null when the lab has none.</summary>
    public CimClass? Find(string name) => _classes.GetValueOrDefault(name);

    /// <summary>True when the name is a class of ours or an ancestor of one.</summary>
    public bool Knows(string name) => _classes.ContainsKey(name) || _abstract.Contains(name);

    /// <summary>The class of that name, which the lab's own code relies on.</summary>
    public CimClass Get(string name) => Find(name) ?? throw new InvalidOperationException($"{name} is not in classes.txt");

    private static CimSchema Parse(TextReader reader)
    {
        var schema = new CimSchema();
        var common = new Dictionary<string, List<CimProperty>>(StringComparer.OrdinalIgnoreCase);
        string[]? head = null;
        var properties = new List<CimProperty>();
        while (reader.ReadLine() is { } line)
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            if (words.Length == 0 || words[0].StartsWith('#')) continue;
            if (words[0] is "class" or "group")
            {
                schema.Close(head, properties, common);
                head = words;
                properties = [];
            }
            else if (words[0] == "use")
            {
                properties.AddRange(common[words[1]]);
            }
            else
            {
                properties.AddRange(words.Skip(1).Select(name => ParseProperty(words[0], name)));
            }
        }
        schema.Close(head, properties, common);
        return schema;
    }

    private void Close(string[]? head, List<CimProperty> properties, Dictionary<string, List<CimProperty>> common)
    {
        if (head is null) return;
        if (head[0] == "group")
        {
            common.Add(head[1], properties);
            return;
        }
        var ancestors = head.Skip(3).ToArray();
        _classes.Add(head[1], new CimClass(head[1], ancestors, properties.DistinctBy(p => p.Name, StringComparer.OrdinalIgnoreCase)));
        _abstract.UnionWith(ancestors);
    }

    private static CimProperty ParseProperty(string type, string name)
    {
        var isArray = type.EndsWith("[]", StringComparison.Ordinal);
        var isKey = name.EndsWith('*');
        return new CimProperty(name.TrimEnd('*'), ParseType(isArray ? type[..^2] : type), isArray, isKey);
    }

    private static CimType ParseType(string word) => word switch
    {
        "boolean" => CimType.Boolean,
        "uint8" => CimType.UInt8,
        "uint16" => CimType.UInt16,
        "uint32" => CimType.UInt32,
        "uint64" => CimType.UInt64,
        "string" => CimType.String,
        "datetime" => CimType.DateTime,
        "interval" => CimType.Interval,
        "ref" => CimType.Reference,
        _ => throw new InvalidOperationException($"classes.txt: no such type: {word}"),
    };
}
