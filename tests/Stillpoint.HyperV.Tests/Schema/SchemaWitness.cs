using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Stillpoint.HyperV.Tests.Schema;

/// <summary>Holds all that a client asks and reads to the published schema: what is not in it, or of another type, fails the test.</summary>
internal sealed partial class SchemaWitness : ISchemaWitness
{
    private static readonly Mof Mof = Mof.Published;

    /// <summary>What was used and found in order: <c>Class.Property</c>, <c>Class.Method()</c>.</summary>
    public ConcurrentDictionary<string, bool> Used { get; } = new();

    public void Query(string wql)
    {
        if (Select().Match(wql) is { Success: true } select)
        {
            var className = select.Groups["class"].Value;
            _ = Class(className);
            foreach (var name in select.Groups["names"].Value.Split(',').Where(n => n != "*")) _ = Property(className, name);
            if (select.Groups["where"].Success) Assert.False(Property(className, select.Groups["where"].Value).IsArray, wql);
            return;
        }
        var related = Associators().Match(wql);
        Assert.True(related.Success, $"a query of a form that is not checked: {wql}");
        var ends = Class(related.Groups["assoc"].Value).Properties.Values.Where(p => p.IsReference).ToArray();
        var (source, result) = (related.Groups["source"].Value, related.Groups["result"].Value);
        _ = Class(source);
        _ = Class(result);
        Assert.True(ends is [var one, var other] && ((Mof.Is(source, one.Type) && Mof.Is(result, other.Type))
            || (Mof.Is(source, other.Type) && Mof.Is(result, one.Type))), $"{related.Groups["assoc"].Value} does not lead from {source} to {result}");
    }

    public void Reference(EndpointReference target)
    {
        foreach (var (name, _) in target.Selectors) Assert.True(Property(target.ClassName, name).IsKey, $"{target.ClassName}.{name} is no key");
    }

    public void Enumerated(string className) => _ = Class(className);

    public void Call(MethodCall call)
    {
        Reference(call.Target);
        Assert.True(Class(call.Target.ClassName).Methods.TryGetValue(call.Method, out var declared), $"{call.Target.ClassName} has no {call.Method}");
        var order = call.Parameters.Select(p => Array.FindIndex(declared, d => d.Name == p.Name && d.IsIn)).ToArray();
        Assert.DoesNotContain(-1, order);
        Assert.Equal(order.Order(), order); // in the order of the MOF
        foreach (var parameter in call.Parameters)
        {
            var of = declared.Single(d => d.Name == parameter.Name);
            Assert.True(of.IsArray || parameter.Values.Count == 1, $"{call.Method}: {parameter.Name} is no array");
            foreach (var value in parameter.Values) Given(of, value);
        }
        Used[$"{call.Target.ClassName}.{call.Method}()"] = true;
    }

    public void Read(string className, string property, ReadKind kind)
    {
        if (className.EndsWith("_OUTPUT", StringComparison.Ordinal))
        {
            if (property == "ReturnValue") return;
            var method = className[..^"_OUTPUT".Length];
            var owners = Mof.Classes.Values.Where(c => c.Methods.ContainsKey(method)).ToArray();
            Assert.NotEmpty(owners);
            Assert.Contains(owners, c => c.Methods[method].Any(p => p.Name == property && p.IsOut && Fits(p, kind)));
            return;
        }
        var known = Property(className, property);
        Assert.True(Fits(known, kind), $"{className}.{property} is {known.Type}, and is read as {kind}");
        Used[$"{className}.{property}"] = true;
    }

    private static void Given(MofValue parameter, object value)
    {
        if (value is EndpointReference reference)
        {
            Assert.True(parameter.IsReference && Mof.Is(reference.ClassName, parameter.Type),
                $"{parameter.Name} is a {parameter.Type}, not a {reference.ClassName}");
            return;
        }
        var text = (string)value;
        Assert.False(parameter.IsReference, $"{parameter.Name} is a reference");
        switch (parameter.Type)
        {
            case "boolean": Assert.True(text is "true" or "false", parameter.Name); break;
            case "string" when text.StartsWith("<INSTANCE", StringComparison.Ordinal): Embedded(XElement.Parse(text)); break;
            case "string": break;
            default: Assert.True(InRange(parameter.Type, text), $"{parameter.Name} = {text} is no {parameter.Type}"); break;
        }
    }

    private static void Embedded(XElement instance)
    {
        var className = (string)instance.Attribute("CLASSNAME")!;
        foreach (var property in instance.Elements())
        {
            var known = Property(className, (string)property.Attribute("NAME")!);
            Assert.Equal(known.Type, (string)property.Attribute("TYPE")!);
            Assert.Equal(known.IsArray ? "PROPERTY.ARRAY" : "PROPERTY", property.Name.LocalName);
            if (known.Type.StartsWith("uint", StringComparison.Ordinal)) Assert.True(InRange(known.Type, property.Value), known.Name);
        }
    }

    private static bool InRange(string type, string text) => type switch
    {
        "uint8" => byte.TryParse(text, out _),
        "uint16" => ushort.TryParse(text, out _),
        "uint32" => uint.TryParse(text, out _),
        "uint64" => ulong.TryParse(text, out _),
        _ => false,
    };

    private static bool Fits(MofValue value, ReadKind kind) => kind switch
    {
        ReadKind.Number => value.Type.StartsWith("uint", StringComparison.Ordinal) && !value.IsArray,
        ReadKind.Numbers => value.Type.StartsWith("uint", StringComparison.Ordinal) && value.IsArray,
        ReadKind.Flag => value.Type == "boolean" && !value.IsArray,
        ReadKind.Time => value.Type == "datetime" && !value.IsArray,
        ReadKind.Reference => value.IsReference,
        ReadKind.Texts => value is { Type: "string", IsArray: true },
        // The first of an array is read so too: HostResource[0].
        ReadKind.Text => value.Type == "string",
        _ => true,
    };

    private static MofClass Class(string name)
    {
        Assert.True(Mof.Classes.TryGetValue(name, out var known), $"{name} is not in Schema/mof.txt: add it there with what the documentation says");
        return known!;
    }

    private static MofValue Property(string className, string name)
    {
        Assert.True(Class(className).Properties.TryGetValue(name, out var known),
            $"{className}.{name} is not in Schema/mof.txt: add it there with what the documentation says");
        return known!;
    }

    [GeneratedRegex(@"^SELECT (?<names>\S+) FROM (?<class>\w+)( WHERE (?<where>\w+) = '[^']*')?$")]
    private static partial Regex Select();

    [GeneratedRegex(@"^ASSOCIATORS OF \{(?<source>\w+)\..*\} WHERE AssocClass = (?<assoc>\w+) ResultClass = (?<result>\w+)$")]
    private static partial Regex Associators();
}
