using System.Globalization;
using System.Xml.Linq;

namespace Stillpoint.HyperV;

/// <summary>
/// An instance as CIM-XML text (DSP0201, DTD 2.0), the only form in which hosts take one as a parameter. Written with the properties that
/// change alone: sending a whole instance back fails the call.
/// </summary>
internal sealed class EmbeddedInstance(string className)
{
    private readonly XElement _root = new("INSTANCE", new XAttribute("CLASSNAME", className));

    public EmbeddedInstance Text(string name, string value) => Add(name, "string", value);

    public EmbeddedInstance Number(string name, string cimType, long value) => Add(name, cimType, value.ToString(CultureInfo.InvariantCulture));

    public EmbeddedInstance Flag(string name, bool value) => Add(name, "boolean", value ? "TRUE" : "FALSE");

    public EmbeddedInstance Texts(string name, params IEnumerable<string> values)
    {
        _root.Add(new XElement("PROPERTY.ARRAY", new XAttribute("NAME", name), new XAttribute("TYPE", "string"),
            new XElement("VALUE.ARRAY", values.Select(v => new XElement("VALUE", XmlText.Checked(v))))));
        return this;
    }

    /// <summary>The text that goes into the parameter.</summary>
    public override string ToString() => _root.ToString(SaveOptions.DisableFormatting);

    /// <summary>Reads such a text, as jobs hand out their errors. A property without VALUE is null.</summary>
    /// <exception cref="InvalidAnswerException">It is not an INSTANCE.</exception>
    public static CimInstance Parse(string text)
    {
        using var reader = new StringReader(text);
        var root = EnvelopeReader.Parse(reader);
        var instance = root.DescendantsAndSelf("INSTANCE").FirstOrDefault()
            ?? throw new InvalidAnswerException("an embedded instance is not CIM-XML");
        var properties = new Dictionary<string, IReadOnlyList<CimValue>>(StringComparer.OrdinalIgnoreCase);
        foreach (var property in instance.Elements())
        {
            if (property.Attribute("NAME")?.Value is not { Length: > 0 } name) continue;
            properties[name] = property.Name.LocalName switch
            {
                "PROPERTY" => [.. property.Elements("VALUE").Take(1).Select(v => new CimValue(v.Value))],
                "PROPERTY.ARRAY" => [.. property.Elements("VALUE.ARRAY").Elements("VALUE").Select(v => new CimValue(v.Value))],
                _ => [],
            };
        }
        return new(instance.Attribute("CLASSNAME")?.Value ?? "", properties);
    }

    private EmbeddedInstance Add(string name, string type, string value)
    {
        _root.Add(new XElement("PROPERTY", new XAttribute("NAME", name), new XAttribute("TYPE", type),
            new XElement("VALUE", XmlText.Checked(value))));
        return this;
    }
}
