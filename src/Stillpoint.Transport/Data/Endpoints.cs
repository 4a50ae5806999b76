using System.Globalization;
using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>Addresses of the form <c>host:port</c>, <c>[IPv6]:port</c>.</summary>
public static class Endpoints
{
    /// <summary>Port of a media server's data endpoint where none is said.</summary>
    public const int DefaultDataPort = 7844;

    /// <summary>Host and port.</summary>
    /// <exception cref="TroubleException">It is no such address.</exception>
    public static (string Host, int Port) Parse(string address, int? defaultPort = null)
    {
        ArgumentNullException.ThrowIfNull(address);
        var colon = address.LastIndexOf(':');
        var bare = address.EndsWith(']') || colon < 0;
        var host = (bare ? address : address[..colon]).Trim('[', ']');
        var port = defaultPort ?? -1;
        if (!bare && !int.TryParse(address[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out port)) port = -1;
        if (host.Length is 0 or > 255 || port is < 0 or > 65535)
        {
            throw new TroubleException($"address '{address}'", "It is not of the form HOST:PORT.", "For example 0.0.0.0:7844 or media-1.example.org:7844.");
        }
        return (host, port);
    }
}
