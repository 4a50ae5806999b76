using System.Xml;
using System.Xml.Linq;

namespace Stillpoint.Lab;

/// <summary>A request as it came in, its headers read.</summary>
/// <param name="Action">Value of <c>a:Action</c>; empty for Identify, which has no header.</param>
/// <param name="ResourceUri">Value of <c>w:ResourceURI</c>; empty when absent.</param>
/// <param name="MessageId">Value of <c>a:MessageID</c>; empty when absent.</param>
/// <param name="Selectors">Names and texts; a selector that is a reference stands as its object path.</param>
/// <param name="MaxEnvelopeSize">Bytes that the answer may have.</param>
/// <param name="Body">The element inside the body; null for an empty body.</param>
internal sealed record SoapRequest(
    string Action, string ResourceUri, string MessageId, IReadOnlyList<(string Name, string Value)> Selectors, int MaxEnvelopeSize, XElement? Body)
{
    private const int SmallestEnvelope = 8192;
    private const int LargestEnvelope = 512_000;
    private const int MaxDepth = 64;

    /// <summary>Class name in the resource URI: what follows <c>root/virtualization/v2/</c>.</summary>
    /// <exception cref="SoapFault">Another namespace, or none.</exception>
    public string ClassName => Below(Soap.Virtualization) ?? Below(Soap.Cimv2) ?? throw SoapFault.Resource();

    /// <summary>True when the resource URI names root\cimv2.</summary>
    public bool IsCimv2 => Below(Soap.Cimv2) is not null;

    private string? Below(string prefix) => prefix.Length < ResourceUri.Length
        && ResourceUri.StartsWith(prefix, StringComparison.OrdinalIgnoreCase) && !ResourceUri[prefix.Length..].Contains('/')
        ? ResourceUri[prefix.Length..] : null;

    /// <summary>Reads an envelope.</summary>
    /// <exception cref="SoapFault">It is none, or says something that no host accepts.</exception>
    public static SoapRequest Parse(Stream text)
    {
        var envelope = Load(text);
        if (envelope.Name != Soap.S + "Envelope") throw SoapFault.Schema("not a SOAP 1.2 envelope");
        var header = envelope.Element(Soap.S + "Header");
        var body = envelope.Element(Soap.S + "Body") ?? throw SoapFault.Schema("the envelope has no body");
        return new SoapRequest(
            Value(header, Soap.A + "Action"),
            Value(header, Soap.W + "ResourceURI"),
            Value(header, Soap.A + "MessageID"),
            ReadSelectors(header?.Element(Soap.W + "SelectorSet")),
            ReadSize(Value(header, Soap.W + "MaxEnvelopeSize")),
            body.Elements().FirstOrDefault());
    }

    /// <summary>Reads the selectors of a set; a REF-valued one must be wrapped in an EndpointReference (DSP0226 5.4.2).</summary>
    public static IReadOnlyList<(string Name, string Value)> ReadSelectors(XElement? set) => set is null ? [] :
    [
        .. set.Elements(Soap.W + "Selector").Select(s => (
            (string?)s.Attribute("Name") ?? throw SoapFault.Selectors(),
            s.Element(Soap.A + "EndpointReference") is { } reference ? ReadReference(reference).ToObjectPath(".") : s.Value)),
    ];

    /// <summary>Reads the children of an endpoint reference: address, resource URI, selectors.</summary>
    /// <exception cref="SoapFault">It is none.</exception>
    public static CimPath ReadReference(XElement element)
    {
        var parameters = element.Element(Soap.A + "ReferenceParameters")
            ?? throw SoapFault.Schema($"{element.Name.LocalName} is no endpoint reference");
        var uri = parameters.Element(Soap.W + "ResourceURI")?.Value.Trim() ?? "";
        var keys = ReadSelectors(parameters.Element(Soap.W + "SelectorSet")).Where(k => k.Name != "__cimnamespace").ToArray();
        if (!uri.StartsWith(Soap.ResourcePrefix, StringComparison.OrdinalIgnoreCase)) throw SoapFault.Resource();
        return keys.Length == 0 ? throw SoapFault.Keys() : new CimPath(uri[(uri.LastIndexOf('/') + 1)..], keys);
    }

    private static XElement Load(Stream text)
    {
        var settings = new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null,
            MaxCharactersInDocument = LargestEnvelope };
        try
        {
            using var reader = XmlReader.Create(text, settings);
            var envelope = XElement.Load(reader);
            // The depth is checked after reading: the size bound above keeps what can be nested small enough to read.
            if (envelope.DescendantsAndSelf().Any(e => e.Ancestors().Take(MaxDepth + 1).Count() > MaxDepth))
            {
                throw SoapFault.Schema("nested too deep");
            }
            return envelope;
        }
        catch (XmlException broken)
        {
            throw SoapFault.Schema(broken.Message);
        }
    }

    private static string Value(XElement? header, XName name) => header?.Element(name)?.Value.Trim() ?? "";

    private static int ReadSize(string text)
    {
        if (text.Length == 0) return LargestEnvelope;
        if (!int.TryParse(text, out var size) || size < SmallestEnvelope) throw SoapFault.EncodingLimit();
        return Math.Min(size, LargestEnvelope);
    }
}
