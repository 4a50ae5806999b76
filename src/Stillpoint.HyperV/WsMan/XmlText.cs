using System.Xml;
using Stillpoint.Model;

namespace Stillpoint.HyperV;

/// <summary>Text that goes into a request.</summary>
internal static class XmlText
{
    /// <summary>The text itself.</summary>
    /// <exception cref="TroubleException">It holds a character that XML cannot carry, not even escaped.</exception>
    public static string Checked(string text)
    {
        try
        {
            return XmlConvert.VerifyXmlChars(text);
        }
        catch (XmlException e)
        {
            throw new TroubleException("the request", $"the name or path '{text}' holds a character that a host cannot be sent.",
                "Use names and paths without control characters.", inner: e);
        }
    }
}
