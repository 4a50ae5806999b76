using System.Text.RegularExpressions;

namespace Stillpoint.HyperV.Tests.Schema;

/// <summary>A property of a class, or a parameter of a method.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">CIM type; for a reference the class that it leads to, for an embedded instance its class.</param>
/// <param name="IsReference">True for REF.</param>
/// <param name="IsArray">True for [].</param>
/// <param name="IsKey">True for a key.</param>
/// <param name="IsIn">Parameters: goes in.</param>
/// <param name="IsOut">Parameters: comes out.</param>
internal sealed record MofValue(string Name, string Type, bool IsReference, bool IsArray, bool IsKey, bool IsIn = false, bool IsOut = false);

/// <summary>A class of the published schema.</summary>
internal sealed class MofClass(string name, string? parent, bool isPartial)
{
    public string Name { get; } = name;

    public string? Parent { get; } = parent;

    /// <summary>True when the class has more properties than are listed.</summary>
    public bool IsPartial { get; } = isPartial;

    public Dictionary<string, MofValue> Properties { get; } = new(StringComparer.OrdinalIgnoreCase);

    public Dictionary<string, MofValue[]> Methods { get; } = new(StringComparer.OrdinalIgnoreCase);
}

/// <summary>The published schema, read from <c>mof.txt</c>.</summary>
internal sealed partial class Mof
{
    private Mof()
    {
    }

    public static Mof Published { get; } = Load();

    public Dictionary<string, MofClass> Classes { get; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>True when a class is another or derives from it; everything is a managed element.</summary>
    public bool Is(string className, string other) => other == "CIM_ManagedElement" || className.Equals(other, StringComparison.OrdinalIgnoreCase)
        || (Classes.TryGetValue(className, out var known) && known.Parent is { } parent && Is(parent, other));

    private static Mof Load()
    {
        var mof = new Mof();
        using var stream = typeof(Mof).Assembly.GetManifestResourceStream("Schema/mof.txt")!;
        using var reader = new StreamReader(stream);
        MofClass? current = null;
        while (reader.ReadLine() is { } line)
        {
            if (line.Trim() is "" || line.StartsWith('#')) continue;
            if (Head().Match(line) is { Success: true } head)
            {
                current = new(head.Groups["name"].Value, head.Groups["parent"] is { Success: true } p ? p.Value : null,
                    head.Groups["partial"].Success);
                mof.Classes.Add(current.Name, current);
            }
            else if (Method().Match(line) is { Success: true } method)
            {
                current!.Methods.Add(method.Groups["name"].Value, [.. Parameter().Matches(method.Groups["in"].Value).Select(ReadParameter)]);
            }
            else
            {
                var property = Property().Match(line);
                Assert.True(property.Success, line);
                foreach (var name in property.Groups["names"].Value.Split(','))
                {
                    var bare = name.Trim().TrimEnd('*').TrimEnd(']', '[');
                    current!.Properties.Add(bare, new(bare, property.Groups["type"].Value, property.Groups["ref"].Success,
                        name.Contains("[]", StringComparison.Ordinal), name.Contains('*')));
                }
            }
        }
        return mof;
    }

    private static MofValue ReadParameter(Match m)
    {
        var way = m.Groups["way"].Value;
        return new(m.Groups["name"].Value, m.Groups["type"].Value, m.Groups["ref"].Success, m.Groups["array"].Success, IsKey: false,
            IsIn: way.StartsWith("in", StringComparison.Ordinal), IsOut: way.EndsWith("out", StringComparison.Ordinal));
    }

    [GeneratedRegex(@"^class (?<name>\w+)( : (?<parent>\w+))?(?<partial> partial)?$")]
    private static partial Regex Head();

    [GeneratedRegex(@"^  uint32 (?<name>\w+)\((?<in>.*)\)$")]
    private static partial Regex Method();

    [GeneratedRegex(@"\[(?<way>in|out|in,out)\] (?<type>\w+)(?<ref> REF)? (?<name>\w+)(?<array>\[\])?")]
    private static partial Regex Parameter();

    [GeneratedRegex(@"^  (?<type>\w+)(?<ref> REF)? (?<names>[\w\[\]\*, ]+)$")]
    private static partial Regex Property();
}
