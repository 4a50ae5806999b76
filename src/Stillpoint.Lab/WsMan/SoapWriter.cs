using System.Text;

namespace Stillpoint.Lab;

/// <summary>Writes answers in the shape that was recorded from hosts: same prefixes, same declarations, no white space.</summary>
internal sealed class SoapWriter(string hostName, Func<Guid> newId, string language)
{
    private const string Declarations =
        "xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\"";

    /// <summary>Which further namespaces the envelope declares.</summary>
    public enum Kind
    {
        Enumeration,
        Transfer,
        Method,
    }

    /// <summary>A new <c>uuid:…</c> in upper case, as message ids and enumeration contexts have it.</summary>
    public string NewUuid() => "uuid:" + newId().ToString().ToUpperInvariant();

    /// <summary>An answer with its header.</summary>
    public string Envelope(Kind kind, string action, string relatesTo, string body)
    {
        var more = kind switch
        {
            Kind.Enumeration =>
                " xmlns:n=\"http://schemas.xmlsoap.org/ws/2004/09/enumeration\" xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\"",
            Kind.Transfer => " xmlns:x=\"http://schemas.xmlsoap.org/ws/2004/09/transfer\" xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\""
                + " xmlns:p=\"http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd\"",
            _ => " xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\" xmlns:p=\"http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd\"",
        };
        return $"<s:Envelope xml:lang=\"{language}\" {Declarations}{more}><s:Header><a:Action>{XmlText.Escape(action)}</a:Action>"
            + $"<a:MessageID>{NewUuid()}</a:MessageID><a:To>{Soap.Anonymous}</a:To><a:RelatesTo>{XmlText.Escape(relatesTo)}</a:RelatesTo></s:Header>"
            + $"<s:Body>{body}</s:Body></s:Envelope>";
    }

    /// <summary>A fault.</summary>
    public string Fault(SoapFault fault, string relatesTo)
    {
        var action = fault.Subcode.StartsWith("a:", StringComparison.Ordinal) ? Soap.AddressingFaultAction : Soap.FaultAction;
        var message = XmlText.Escape(fault.Message);
        var inner = fault.Provider is { } provider
            ? "<f:ProviderFault provider=\"WMI Provider\" path=\"%systemroot%\\system32\\WsmWmiPl.dll\">"
                + $"<f:WSManFault xmlns:f=\"http://schemas.microsoft.com/wbem/wsman/1/wsmanfault\" Code=\"{provider.Code}\" Machine=\"{hostName}\">"
                + $"<f:Message>{message}</f:Message></f:WSManFault></f:ProviderFault>"
            : message;
        var body = $"<s:Fault><s:Code><s:Value>{(fault.IsSender ? "s:Sender" : "s:Receiver")}</s:Value>"
            + $"<s:Subcode><s:Value>{fault.Subcode}</s:Value></s:Subcode></s:Code>"
            + $"<s:Reason><s:Text xml:lang=\"\">{message}</s:Text></s:Reason><s:Detail>"
            + $"<f:WSManFault xmlns:f=\"http://schemas.microsoft.com/wbem/wsman/1/wsmanfault\" Code=\"{fault.Code}\" Machine=\"{hostName}\">"
            + $"<f:Message>{inner}</f:Message></f:WSManFault></s:Detail></s:Fault>";
        return Envelope(Kind.Enumeration, action, relatesTo, body);
    }

    /// <summary>An instance with all its properties (WS-CIM, as hosts write it).</summary>
    public static string Instance(CimInstance instance)
    {
        var name = instance.Class.Name;
        var text = new StringBuilder($"<p:{name} xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:p=\"{Soap.UriOf(name)}\" ");
        text.Append($"xmlns:cim=\"http://schemas.dmtf.org/wbem/wscim/1/common\" xsi:type=\"p:{name}_Type\">");
        foreach (var property in instance.Class.Properties) Property(text, "p:", "cim:", property.Name, instance[property.Name]);
        return text.Append($"</p:{name}>").ToString();
    }

    /// <summary>A projection: its children stand in no namespace.</summary>
    public static string Fragment(CimInstance instance, IReadOnlyList<string> properties)
    {
        var text = new StringBuilder("<w:XmlFragment xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" ");
        text.Append("xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\">");
        foreach (var name in properties)
        {
            var property = instance.Class.Find(name) ?? throw new CimException(CimException.InvalidQuery, "Invalid query ");
            Property(text, "", "", property.Name, instance[property.Name]);
        }
        return text.Append("</w:XmlFragment>").ToString();
    }

    /// <summary>An endpoint reference as an item of an EPR enumeration.</summary>
    public static string Reference(CimPath path) =>
        "<a:EndpointReference xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" "
        + "xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\">"
        + ReferenceContent(path) + "</a:EndpointReference>";

    /// <summary>The answer of a method: its out parameters that have a value, then the return value, in order of their names.</summary>
    public static string Output(string className, string method, IReadOnlyList<(string Name, object? Value)> values)
    {
        var text = new StringBuilder($"<p:{method}_OUTPUT xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
            + $"xmlns:p=\"{Soap.UriOf(className)}\" ");
        text.Append("xmlns:cim=\"http://schemas.dmtf.org/wbem/wscim/1/common\">");
        foreach (var (name, value) in values.Where(v => v.Value is not null).OrderBy(v => v.Name, StringComparer.OrdinalIgnoreCase))
        {
            Property(text, "p:", "cim:", name, value);
        }
        return text.Append($"</p:{method}_OUTPUT>").ToString();
    }

    private static void Property(StringBuilder text, string prefix, string cim, string name, object? value)
    {
        switch (value)
        {
            case null:
            case Array { Length: 0 }:
                text.Append($"<{prefix}{name} xsi:nil=\"true\"/>");
                break;
            case Array many:
                foreach (var one in many) Property(text, prefix, cim, name, one);
                break;
            case CimPath path:
                text.Append($"<{prefix}{name} xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" ");
                text.Append("xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\">").Append(ReferenceContent(path))
                    .Append($"</{prefix}{name}>");
                break;
            case DateTimeOffset:
                text.Append($"<{prefix}{name}><{cim}Datetime>{XmlText.Format(value)}</{cim}Datetime></{prefix}{name}>");
                break;
            case TimeSpan:
                text.Append($"<{prefix}{name}><{cim}Interval>{XmlText.Format(value)}</{cim}Interval></{prefix}{name}>");
                break;
            default:
                text.Append($"<{prefix}{name}>").Append(XmlText.Escape(XmlText.Format(value))).Append($"</{prefix}{name}>");
                break;
        }
    }

    private static string ReferenceContent(CimPath path)
    {
        var text = new StringBuilder($"<a:Address>{Soap.Anonymous}</a:Address><a:ReferenceParameters>");
        text.Append($"<w:ResourceURI>{Soap.UriOf(path.ClassName)}</w:ResourceURI><w:SelectorSet>");
        foreach (var (name, value) in path.Keys) text.Append($"<w:Selector Name=\"{name}\">{XmlText.Escape(value)}</w:Selector>");
        return text.Append("</w:SelectorSet></a:ReferenceParameters>").ToString();
    }
}
