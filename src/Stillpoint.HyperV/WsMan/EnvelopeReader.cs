using System.Xml;
using System.Xml.Linq;

namespace Stillpoint.HyperV;

/// <summary>Reads answers from a host that may be hostile: no DTD, no entities of its own, bounded length and depth.</summary>
internal static class EnvelopeReader
{
    private const int DeepestElement = 64;

    /// <summary>The element tree of a document.</summary>
    /// <exception cref="InvalidAnswerException">It is not XML, holds a DTD or nests too deep.</exception>
    public static XElement Parse(TextReader text)
    {
        // Characters that XML forbids do come in names that a guest or an administrator chose: they must not hide a whole host.
        var settings = new XmlReaderSettings
        {
            DtdProcessing = DtdProcessing.Prohibit,
            XmlResolver = null,
            CheckCharacters = false,
            IgnoreComments = true,
            IgnoreProcessingInstructions = true,
        };
        try
        {
            using var reader = XmlReader.Create(text, settings);
            return Build(reader);
        }
        catch (XmlException e)
        {
            throw new InvalidAnswerException($"the answer is not XML that we take ({e.Message})", e);
        }
    }

    /// <summary>The first element of the SOAP body; null when the body is empty.</summary>
    /// <exception cref="WsManFaultException">The body is a fault.</exception>
    /// <exception cref="InvalidAnswerException">It is not a SOAP 1.2 envelope.</exception>
    public static XElement? Body(XElement envelope)
    {
        if (envelope.Name != WsNames.Soap + "Envelope" || envelope.Element(WsNames.Soap + "Body") is not { } body)
            throw new InvalidAnswerException("the answer is not a SOAP envelope");
        var first = body.Elements().FirstOrDefault();
        return first?.Name == WsNames.Soap + "Fault" ? throw new WsManFaultException(FaultReader.Read(first)) : first;
    }

    private static XElement Build(XmlReader reader)
    {
        XElement? root = null, current = null;
        while (reader.Read())
        {
            switch (reader.NodeType)
            {
                case XmlNodeType.Element:
                    if (reader.Depth >= DeepestElement) throw new InvalidAnswerException($"the answer nests deeper than {DeepestElement} elements");
                    var empty = reader.IsEmptyElement;
                    var element = new XElement(XNamespace.Get(reader.NamespaceURI) + reader.LocalName);
                    while (reader.MoveToNextAttribute())
                    {
                        if (reader.NamespaceURI == XNamespace.Xmlns.NamespaceName) continue;
                        element.SetAttributeValue(XNamespace.Get(reader.NamespaceURI) + reader.LocalName, reader.Value);
                    }
                    if (current is null) root = element; else current.Add(element);
                    if (!empty) current = element;
                    break;
                case XmlNodeType.EndElement:
                    current = current!.Parent;
                    break;
                case XmlNodeType.Text or XmlNodeType.CDATA or XmlNodeType.SignificantWhitespace or XmlNodeType.Whitespace:
                    current?.Add(new XText(reader.Value));
                    break;
            }
        }
        return root ?? throw new InvalidAnswerException("the answer is empty");
    }
}
