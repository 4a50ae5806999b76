using System.Security;
using System.Text;

namespace Stillpoint.HyperV.Tests;

/// <summary>Answers as hosts write them, put together from text so that no code of the product takes part.</summary>
internal static class Messages
{
    public const string V2 = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/";

    private const string Anonymous = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";

    public static string Recorded(string name)
    {
        using var stream = typeof(Messages).Assembly.GetManifestResourceStream("HyperV/" + name)!;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }

    public static string Envelope(string body) =>
        "<s:Envelope xml:lang=\"de-DE\" xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" "
        + "xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" "
        + "xmlns:n=\"http://schemas.xmlsoap.org/ws/2004/09/enumeration\" xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\">"
        + $"<s:Header><a:Action>x</a:Action></s:Header><s:Body>{body}</s:Body></s:Envelope>";

    /// <summary>An instance; a value that starts with &lt; is taken as markup, null is nil, an array repeats.</summary>
    public static string Instance(string className, params (string Name, object? Value)[] properties) =>
        $"<p:{className} xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:p=\"{V2}{className}\" "
        + $"xmlns:cim=\"http://schemas.dmtf.org/wbem/wscim/1/common\" xsi:type=\"p:{className}_Type\">"
        + $"{Properties(properties)}</p:{className}>";

    public static string Output(string className, string method, params (string Name, object? Value)[] properties) =>
        Envelope($"<p:{method}_OUTPUT xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:p=\"{V2}{className}\">"
            + $"{Properties(properties)}</p:{method}_OUTPUT>");

    /// <summary>The parts of a reference.</summary>
    public static string Reference(string className, params (string Key, string Value)[] keys) =>
        $"<a:Address xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\">{Anonymous}</a:Address>"
        + "<a:ReferenceParameters xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" "
        + "xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\">"
        + $"<w:ResourceURI>{V2}{className}</w:ResourceURI><w:SelectorSet>"
        + string.Concat(keys.Select(k => $"<w:Selector Name=\"{k.Key}\">{SecurityElement.Escape(k.Value)}</w:Selector>"))
        + "</w:SelectorSet></a:ReferenceParameters>";

    /// <summary>All of an enumeration in its first answer, as hosts send one that ends at once.</summary>
    public static string All(params string[] instances) => Envelope(
        "<n:EnumerateResponse><n:EnumerationContext></n:EnumerationContext>"
        + $"<w:Items>{string.Concat(instances)}</w:Items><w:EndOfSequence/></n:EnumerateResponse>");

    public static string Job(string state, params (string Name, object? Value)[] more) => Envelope(
        Instance("Msvm_ConcreteJob", [("InstanceID", "J1"), ("JobState", state), .. more]));

    public static Reply Fault(string subcode, string detail, string reason = "Grund") => ((Reply)Envelope(
        $"<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>{subcode}</s:Value></s:Subcode></s:Code>"
        + $"<s:Reason><s:Text xml:lang=\"\">{reason}</s:Text></s:Reason><s:Detail>{detail}</s:Detail></s:Fault>")) with { Status = 500 };

    public static string WsManFault(uint code, string message) =>
        $"<f:WSManFault xmlns:f=\"http://schemas.microsoft.com/wbem/wsman/1/wsmanfault\" Code=\"{code}\" Machine=\"hv1\">"
        + $"<f:Message>{message}</f:Message></f:WSManFault>";

    public static string ProviderFault(uint code, uint provider, string message) =>
        $"<f:WSManFault xmlns:f=\"http://schemas.microsoft.com/wbem/wsman/1/wsmanfault\" Code=\"{code}\" Machine=\"hv1\"><f:Message>"
        + "<f:ProviderFault provider=\"WMI Provider\" path=\"%systemroot%\\system32\\WsmWmiPl.dll\">"
        + $"<f:WSManFault Code=\"{provider}\" Machine=\"hv1\">"
        + $"<f:Message>{message}</f:Message></f:WSManFault></f:ProviderFault></f:Message></f:WSManFault>";

    public static string WmiError(uint code, string message) =>
        "<p:MSFT_WmiError xmlns:p=\"http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/MSFT_WmiError\">"
        + $"<p:Message>{message}</p:Message><p:error_Code>{code}</p:error_Code></p:MSFT_WmiError>";

    private static string Properties((string Name, object? Value)[] properties) => string.Concat(properties.SelectMany(p => p.Value switch
    {
        null => [$"<p:{p.Name} xsi:nil=\"true\"/>"],
        string[] many => many.Select(v => Element(p.Name, v)),
        var one => [Element(p.Name, one.ToString()!)],
    }));

    private static string Element(string name, string value)
    {
        var markup = value.StartsWith('<') && !value.StartsWith("<INSTANCE", StringComparison.Ordinal);
        return $"<p:{name}>{(markup ? value : SecurityElement.Escape(value))}</p:{name}>";
    }
}
