using Stillpoint.Model;

namespace Stillpoint.HyperV;

/// <summary>Opens Hyper-V hosts.</summary>
public static class HyperVHostFactory
{
    /// <summary>A host over WS-Management. Nothing is sent yet: the first call finds out whether the host is there.</summary>
    /// <param name="options">Where and as whom.</param>
    /// <param name="time">For timeouts and for waiting on jobs.</param>
    /// <param name="newId">Makes message ids.</param>
    /// <exception cref="TroubleException">The options cannot work: no HTTPS address, no user, a malformed fingerprint.</exception>
    public static IHyperVHost Create(HyperVHostOptions options, TimeProvider time, Func<Guid> newId)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (!options.Url.IsAbsoluteUri || options.Url.Scheme != Uri.UriSchemeHttps)
        {
            throw new TroubleException("the host's configuration", $"the address {options.Url} is not https.",
                "Give https://HOST:5986/wsman: over plain HTTP the password could be read on the way.");
        }
        if (options.User.Length == 0 || options.User.Contains(':', StringComparison.Ordinal))
            throw new TroubleException("the host's configuration", "the user name is empty or holds a colon.", "Give a local account of the host.");
        return new WmiHyperVHost(new HostConnection(options, time, newId));
    }
}
