using System.Xml.Linq;

namespace Stillpoint.HyperV;

/// <summary>
/// Reads instances from their elements. <c>SELECT *</c> gives an element named as the class with children in its namespace; a projection
/// gives <c>w:XmlFragment</c> with children in no namespace. Null is <c>xsi:nil</c>, an array repeats its element, a reference holds its
/// two parts directly, a time sits in one more element.
/// </summary>
internal static class CimInstanceReader
{
    public static CimInstance Read(XElement element, ISchemaWitness? witness = null)
    {
        var className = element.Name == WsNames.WsMan + "XmlFragment" ? "" : element.Name.LocalName;
        var properties = new Dictionary<string, IReadOnlyList<CimValue>>(StringComparer.OrdinalIgnoreCase);
        foreach (var group in element.Elements().GroupBy(child => child.Name.LocalName, StringComparer.OrdinalIgnoreCase))
        {
            // One nil is "no value"; a nil between others keeps its place, for some arrays run in parallel with another.
            var children = group.ToArray();
            properties[group.Key] = children is [var only] && IsNil(only) ? [] : [.. children.Select(ReadValue)];
        }
        return new(className, properties) { Witness = witness };
    }

    private static CimValue ReadValue(XElement element)
    {
        if (!element.HasElements) return new(element.Value);
        if (EndpointReference.Read(element) is { } reference) return new("", reference);
        // Datetime and Interval: in the cim namespace, in a projection in none. Anything else, an embedded instance among it, as its text.
        return element.Elements().Take(2).ToArray() is [{ Name.LocalName: "Datetime" or "Date" or "Interval" } time]
            ? new(time.Value.Trim())
            : new(element.Value);
    }

    private static bool IsNil(XElement element) => element.Attribute(WsNames.Instance + "nil")?.Value is "true" or "1";
}
