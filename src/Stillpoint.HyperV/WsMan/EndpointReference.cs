using System.Xml.Linq;

namespace Stillpoint.HyperV;

/// <summary>Names an instance: the resource URI of its class and its key properties.</summary>
/// <param name="ResourceUri">For example <c>http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/Msvm_ComputerSystem</c>.</param>
/// <param name="Selectors">Key property to value; names without regard to case, values as the host wrote them.</param>
internal sealed record EndpointReference(string ResourceUri, IReadOnlyList<KeyValuePair<string, string>> Selectors)
{
    /// <summary>The last part of the resource URI.</summary>
    public string ClassName => ResourceUri[(ResourceUri.LastIndexOf('/') + 1)..];

    /// <summary>A key's value; null when the reference has none such.</summary>
    public string? this[string key] =>
        Selectors.Where(s => string.Equals(s.Key, key, StringComparison.OrdinalIgnoreCase)).Select(s => s.Value).FirstOrDefault();

    /// <summary>The two children that a reference is made of. A parameter holds them directly: hosts refuse an <c>EndpointReference</c>
    /// element around them.</summary>
    public IEnumerable<XElement> ToElements()
    {
        yield return new XElement(WsNames.Addressing + "Address", WsNames.Anonymous);
        yield return new XElement(WsNames.Addressing + "ReferenceParameters",
            new XElement(WsNames.WsMan + "ResourceURI", ResourceUri),
            new XElement(WsNames.WsMan + "SelectorSet",
                Selectors.Select(s => new XElement(WsNames.WsMan + "Selector", new XAttribute("Name", s.Key), XmlText.Checked(s.Value)))));
    }

    /// <summary>Reads a reference from the element that holds it, with or without an <c>EndpointReference</c> around; null when there is
    /// none.</summary>
    public static EndpointReference? Read(XElement holder)
    {
        var parameters = (holder.Element(WsNames.Addressing + "EndpointReference") ?? holder).Element(WsNames.Addressing + "ReferenceParameters");
        if (parameters?.Element(WsNames.WsMan + "ResourceURI")?.Value.Trim() is not { Length: > 0 } uri) return null;
        var selectors = parameters.Element(WsNames.WsMan + "SelectorSet")?.Elements(WsNames.WsMan + "Selector") ?? [];
        return new(uri, [.. selectors.Select(s => KeyValuePair.Create(s.Attribute("Name")?.Value ?? "", s.Value))]);
    }

    /// <inheritdoc/>
    public override string ToString() => $"{ClassName}({string.Join(", ", Selectors.Select(s => $"{s.Key}={s.Value}"))})";
}
