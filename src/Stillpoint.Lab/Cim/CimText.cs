using System.Text;
using System.Xml;
using System.Xml.Linq;

namespace Stillpoint.Lab;

/// <summary>An embedded instance as a client wrote it: CIM-XML text (DSP0203 2.0) with only the properties it means to set.</summary>
/// <param name="ClassName">Class of the instance.</param>
/// <param name="Values">Property name to value: a string, a list of strings, or null.</param>
internal sealed record CimText(string ClassName, IReadOnlyDictionary<string, object?> Values)
{
    private const int MaxCharacters = 1 << 20;

    /// <summary>Reads the text.</summary>
    /// <exception cref="FormatException">It is no instance of CIM-XML.</exception>
    public static CimText Parse(string text)
    {
        var root = Load(text);
        if (root.Name.LocalName != "INSTANCE" || (string?)root.Attribute("CLASSNAME") is not { Length: > 0 } className)
        {
            throw new FormatException("not an INSTANCE with a CLASSNAME");
        }
        var values = new Dictionary<string, object?>(StringComparer.OrdinalIgnoreCase);
        foreach (var property in root.Elements())
        {
            if ((string?)property.Attribute("NAME") is not { Length: > 0 } name) continue;
            values[name] = property.Name.LocalName switch
            {
                "PROPERTY" => property.Element("VALUE")?.Value,
                "PROPERTY.ARRAY" => property.Element("VALUE.ARRAY")?.Elements("VALUE").Select(v => v.Value).ToArray(),
                "PROPERTY.REFERENCE" => property.Value,
                _ => throw new FormatException($"unexpected {property.Name.LocalName}"),
            };
        }
        return new CimText(className, values);
    }

    /// <summary>Writes an instance as hosts write it: every property, those without a value without a VALUE element.</summary>
    public static string Write(string className, params IEnumerable<(string Name, string Type, object? Value)> properties)
    {
        var text = new StringBuilder($"<INSTANCE CLASSNAME=\"{className}\">");
        foreach (var (name, type, value) in properties)
        {
            text.Append($"<PROPERTY NAME=\"{name}\" TYPE=\"{type}\">");
            if (value is not null) text.Append("<VALUE>").Append(XmlText.Escape(XmlText.Format(value))).Append("</VALUE>");
            text.Append("</PROPERTY>");
        }
        return text.Append("</INSTANCE>").ToString();
    }

    /// <summary>A value as one string; the first of an array; null when absent or null.</summary>
    public string? Text(string property) => Values.GetValueOrDefault(property) switch
    {
        string one => one,
        string[] { Length: > 0 } many => many[0],
        _ => null,
    };

    private static XElement Load(string text)
    {
        var settings = new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null, MaxCharactersInDocument = MaxCharacters };
        try
        {
            using var reader = XmlReader.Create(new StringReader(text), settings);
            return XElement.Load(reader);
        }
        catch (XmlException broken)
        {
            throw new FormatException(broken.Message, broken);
        }
    }
}
