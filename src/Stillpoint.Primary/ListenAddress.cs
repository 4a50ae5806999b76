using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>Where to listen, and by which names the machine is known.</summary>
internal static class ListenAddress
{
    /// <summary><c>HOST:PORT</c>; HOST is an IP address, <c>localhost</c> or <c>*</c>.</summary>
    public static IPEndPoint Parse(string text)
    {
        var colon = text.LastIndexOf(':');
        if (colon > 0 && ushort.TryParse(text.AsSpan(colon + 1), out var port))
        {
            var host = text[..colon].Trim('[', ']');
            if (host == "*") return new IPEndPoint(IPAddress.Any, port);
            if (string.Equals(host, "localhost", StringComparison.OrdinalIgnoreCase)) return new IPEndPoint(IPAddress.Loopback, port);
            if (IPAddress.TryParse(host, out var address)) return new IPEndPoint(address, port);
        }
        throw new TroubleException($"address {text}", "It is not HOST:PORT with an IP address, localhost or *.",
            "For example --listen 0.0.0.0:7843.");
    }

    /// <summary>Refuses an address that cannot be listened on, before a server is built that would tell it with a stack trace a layer.</summary>
    /// <exception cref="TroubleException">It is in use, or none of this machine's.</exception>
    public static void Check(IPEndPoint listen)
    {
        try
        {
            using var probe = new Socket(listen.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            probe.Bind(listen);
            probe.Listen();
        }
        catch (SocketException e)
        {
            throw Refused(listen.ToString(), e);
        }
    }

    /// <summary>What to say where an address cannot be listened on.</summary>
    public static TroubleException Refused(string listen, Exception why) => new(
        $"address {listen}", $"It cannot be listened on: {why.Message}", "Give another with --listen HOST:PORT, or end what listens there.", inner: why);

    /// <summary>Names and addresses that browsers may reach this machine by.</summary>
    public static IReadOnlyList<string> OwnNames()
    {
        HashSet<string> names = ["localhost", "127.0.0.1", "::1", Environment.MachineName.ToLowerInvariant()];
        foreach (var card in NetworkInterface.GetAllNetworkInterfaces().Where(c => c.OperationalStatus == OperationalStatus.Up))
        {
            foreach (var address in card.GetIPProperties().UnicastAddresses.Select(a => a.Address))
            {
                if (address.AddressFamily is AddressFamily.InterNetwork && !IPAddress.IsLoopback(address)) names.Add(address.ToString());
            }
        }
        return [.. names];
    }
}
