using System.Globalization;
using System.Xml.Linq;

namespace Stillpoint.HyperV;

/// <summary>Reads <c>s:Fault</c> with the details that Windows adds: <c>WSManFault</c> (perhaps one inside the other) or
/// <c>MSFT_WmiError</c>.</summary>
internal static class FaultReader
{
    private const int LongestMessage = 2000;

    public static WsManFault Read(XElement fault)
    {
        var subcode = fault.Element(WsNames.Soap + "Code")?.Element(WsNames.Soap + "Subcode")?.Element(WsNames.Soap + "Value")?.Value ?? "";
        var reason = fault.Element(WsNames.Soap + "Reason")?.Elements(WsNames.Soap + "Text").FirstOrDefault()?.Value ?? "";
        var detail = fault.Element(WsNames.Soap + "Detail");
        var faults = detail?.Descendants(WsNames.Fault + "WSManFault").ToArray() ?? [];
        var wmi = detail?.Descendants().FirstOrDefault(e => e.Name.LocalName == "error_Code");
        var provider = faults.Skip(1).LastOrDefault();
        var wmiMessage = wmi?.Parent?.Elements().FirstOrDefault(e => e.Name.LocalName == "Message");
        var texts = new[] { reason, Words(provider ?? faults.FirstOrDefault()), Words(wmiMessage) };
        var message = string.Join(" ", texts.Select(t => t.Trim()).Where(t => t.Length > 0).Distinct());
        return new(
            subcode[(subcode.LastIndexOf(':') + 1)..].Trim(),
            Number(faults.FirstOrDefault()?.Attribute("Code")?.Value),
            wmi is null ? Number(provider?.Attribute("Code")?.Value) : Number(wmi.Value),
            message.Length == 0 ? "no reason given" : message.Length <= LongestMessage ? message : message[..LongestMessage] + "…");
    }

    private static string Words(XElement? element) => element is null ? ""
        : string.Join(' ', element.Value.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    private static uint Number(string? text) =>
        uint.TryParse(text?.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : 0;
}
