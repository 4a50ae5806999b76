using System.Globalization;
using System.Xml.Linq;

namespace Stillpoint.HyperV;

/// <summary>One input parameter of a method, as the children of <c>METHOD_INPUT</c>: an array repeats its element, null is left out.</summary>
internal sealed record MethodParameter(string Name, IReadOnlyList<object> Values)
{
    public static MethodParameter Text(string name, string value) => new(name, [value]);

    public static MethodParameter Texts(string name, IEnumerable<string> values) => new(name, [.. values]);

    public static MethodParameter Number(string name, long value) => new(name, [value.ToString(CultureInfo.InvariantCulture)]);

    public static MethodParameter Flag(string name, bool value) => new(name, [value ? "true" : "false"]);

    public static MethodParameter Reference(string name, EndpointReference value) => new(name, [value]);

    public static MethodParameter References(string name, IEnumerable<EndpointReference> values) => new(name, [.. values]);

    public IEnumerable<XElement> ToElements(XNamespace space) =>
        Values.Select(v => new XElement(space + Name, v is EndpointReference reference ? reference.ToElements() : XmlText.Checked((string)v)));
}

/// <summary>A method call: on which instance, which method, with what, in the order of the class's MOF.</summary>
internal sealed record MethodCall(EndpointReference Target, string Method, params IReadOnlyList<MethodParameter> Parameters)
{
    /// <summary>True for a method that only tells, by the schema's naming: <c>GetVirtualDiskChanges</c>, <c>GetErrorEx</c>.</summary>
    public bool ChangesNothing => Method.StartsWith("Get", StringComparison.Ordinal);
}
