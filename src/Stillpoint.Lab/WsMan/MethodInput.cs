using System.Globalization;
using System.Xml.Linq;

namespace Stillpoint.Lab;

/// <summary>Reads the <c>METHOD_INPUT</c> element, as strictly as hosts do.</summary>
internal static class MethodInput
{
    private const int MostValues = 4096;

    /// <summary>The arguments of a call.</summary>
    /// <exception cref="SoapFault">An unknown parameter, a wrapped reference, an element tree where text belongs, or a value of the wrong
    /// type.</exception>
    public static IReadOnlyDictionary<string, object> Read(CimMethod method, XElement? body)
    {
        XNamespace space = Soap.Virtualization + method.ClassName;
        if (body is null || body.Name.LocalName != method.Name + "_INPUT" || !SameNamespace(body.Name.Namespace, space))
        {
            throw SoapFault.Schema($"the body does not hold {method.Name}_INPUT of {space}");
        }
        var arguments = new Dictionary<string, object>(StringComparer.OrdinalIgnoreCase);
        var count = 0;
        foreach (var element in body.Elements())
        {
            if (++count > MostValues) throw SoapFault.Schema("too many values");
            var parameter = method.Inputs.FirstOrDefault(p => p.Name.Equals(element.Name.LocalName, StringComparison.OrdinalIgnoreCase));
            if (parameter is null || !SameNamespace(element.Name.Namespace, space))
            {
                throw SoapFault.Schema($"unexpected element {element.Name.LocalName}");
            }
            if ((string?)element.Attribute(Soap.Xsi + "nil") is "true" or "1") continue;
            var value = Value(parameter, element);
            if (parameter.IsArray)
            {
                if (!arguments.TryGetValue(parameter.Name, out var list)) arguments.Add(parameter.Name, list = new List<object>());
                ((List<object>)list).Add(value);
            }
            else if (!arguments.TryAdd(parameter.Name, value))
            {
                throw SoapFault.Schema($"{parameter.Name} is no array");
            }
        }
        return arguments;
    }

    private static object Value(CimProperty parameter, XElement element)
    {
        if (parameter.Type == CimType.Reference)
        {
            return element.Element(Soap.A + "EndpointReference") is null
                ? SoapRequest.ReadReference(element)
                : throw SoapFault.Schema($"{parameter.Name}: unexpected element EndpointReference");
        }
        if (parameter.Type == CimType.DateTime) return element.Value;
        if (element.HasElements) throw SoapFault.Schema($"{parameter.Name}: text is expected, not elements");
        var text = element.Value;
        return parameter.Type switch
        {
            CimType.String => text,
            CimType.Boolean when bool.TryParse(text.Trim(), out var flag) => flag,
            CimType.UInt8 => Number(parameter, text, byte.MaxValue),
            CimType.UInt16 => Number(parameter, text, ushort.MaxValue),
            CimType.UInt32 => Number(parameter, text, uint.MaxValue),
            CimType.UInt64 => Number(parameter, text, ulong.MaxValue),
            _ => throw SoapFault.Schema($"{parameter.Name}: not a value of its type"),
        };
    }

    private static object Number(CimProperty parameter, string text, ulong most) =>
        ulong.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= most
            ? number : throw SoapFault.Schema($"{parameter.Name}: not a number of its type");

    private static bool SameNamespace(XNamespace one, XNamespace other) =>
        one.NamespaceName.Equals(other.NamespaceName, StringComparison.OrdinalIgnoreCase);
}
