using System.Globalization;
using System.Text;
using System.Xml;
using System.Xml.Linq;

namespace Stillpoint.HyperV;

/// <summary>Writes request envelopes ([MS-WSMV] 2.2.4; the header block that hosts are known to accept).</summary>
/// <param name="to">Address of the service.</param>
/// <param name="maxEnvelopeBytes">Longest answer that the host may send; hosts refuse less than 8192.</param>
/// <param name="operationTimeout">How long the host may think before it answers with a timeout fault.</param>
/// <param name="newId">Makes message ids.</param>
internal sealed class RequestEnvelope(Uri to, int maxEnvelopeBytes, TimeSpan operationTimeout, Func<Guid> newId)
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    public byte[] Get(EndpointReference target) => Write(target.ResourceUri, WsNames.Get, target.Selectors, body: null);

    /// <summary>All instances of a class.</summary>
    public byte[] EnumerateClass(string resourceUri, int maxElements) => Write(resourceUri, WsNames.Enumerate, [], Enumerate(null, maxElements));

    /// <summary>A query. The class in the resource URI must be <c>*</c> ([MS-WSMV] 3.1.4.8).</summary>
    public byte[] EnumerateQuery(string resourceUri, string query, int maxElements) => Write(resourceUri, WsNames.Enumerate, [],
        Enumerate(new XElement(WsNames.WsMan + "Filter", new XAttribute("Dialect", WsNames.Wql), XmlText.Checked(query)), maxElements));

    public byte[] Pull(string resourceUri, string context, int maxElements) => Write(resourceUri, WsNames.Pull, [],
        new XElement(WsNames.Enumeration + "Pull",
            new XElement(WsNames.Enumeration + "EnumerationContext", context),
            new XElement(WsNames.Enumeration + "MaxElements", maxElements)));

    public byte[] Release(string resourceUri, string context) => Write(resourceUri, WsNames.Release, [],
        new XElement(WsNames.Enumeration + "Release", new XElement(WsNames.Enumeration + "EnumerationContext", context)));

    public byte[] Invoke(MethodCall call)
    {
        XNamespace space = call.Target.ResourceUri;
        var input = new XElement(space + (call.Method + "_INPUT"), new XAttribute(XNamespace.Xmlns + "p", space.NamespaceName),
            call.Parameters.SelectMany(p => p.ToElements(space)));
        return Write(call.Target.ResourceUri, $"{call.Target.ResourceUri}/{call.Method}", call.Target.Selectors, input);
    }

    private static XElement Enumerate(XElement? filter, int maxElements) => new(WsNames.Enumeration + "Enumerate",
        new XElement(WsNames.WsMan + "OptimizeEnumeration"),
        new XElement(WsNames.WsMan + "MaxElements", maxElements),
        filter);

    private byte[] Write(string resourceUri, string action, IReadOnlyList<KeyValuePair<string, string>> selectors, XElement? body)
    {
        var mustUnderstand = new XAttribute(WsNames.Soap + "mustUnderstand", "true");
        var optional = new XAttribute(WsNames.Soap + "mustUnderstand", "false");
        var english = new XAttribute(XNamespace.Xml + "lang", "en-US");
        var seconds = operationTimeout.TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture);
        var header = new XElement(WsNames.Soap + "Header",
            new XElement(WsNames.Addressing + "To", to.AbsoluteUri),
            new XElement(WsNames.WsMan + "ResourceURI", mustUnderstand, resourceUri),
            new XElement(WsNames.Addressing + "ReplyTo", new XElement(WsNames.Addressing + "Address", mustUnderstand, WsNames.Anonymous)),
            new XElement(WsNames.Addressing + "Action", mustUnderstand, action),
            new XElement(WsNames.WsMan + "MaxEnvelopeSize", mustUnderstand, maxEnvelopeBytes),
            new XElement(WsNames.Addressing + "MessageID", $"uuid:{newId().ToString().ToUpperInvariant()}"),
            new XElement(WsNames.WsMan + "Locale", english, optional),
            new XElement(WsNames.Microsoft + "DataLocale", english, optional),
            new XElement(WsNames.WsMan + "OperationTimeout", $"PT{seconds}S"));
        if (selectors.Count > 0)
        {
            header.Add(new XElement(WsNames.WsMan + "SelectorSet",
                selectors.Select(s => new XElement(WsNames.WsMan + "Selector", new XAttribute("Name", s.Key), XmlText.Checked(s.Value)))));
        }
        var envelope = new XElement(WsNames.Soap + "Envelope",
            Prefix("s", WsNames.Soap), Prefix("a", WsNames.Addressing), Prefix("n", WsNames.Enumeration), Prefix("w", WsNames.WsMan),
            Prefix("m", WsNames.Microsoft), header, new XElement(WsNames.Soap + "Body", body));
        return Encode(envelope);
    }

    private static XAttribute Prefix(string prefix, XNamespace space) => new(XNamespace.Xmlns + prefix, space.NamespaceName);

    private static byte[] Encode(XElement envelope)
    {
        using var bytes = new MemoryStream();
        using (var writer = XmlWriter.Create(bytes, new XmlWriterSettings { Encoding = Utf8, OmitXmlDeclaration = true })) envelope.WriteTo(writer);
        return bytes.ToArray();
    }
}
