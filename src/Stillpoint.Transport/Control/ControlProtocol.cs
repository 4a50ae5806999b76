using Microsoft.AspNetCore.SignalR;
using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>What both ends of the control connection must agree on: SignalR's JSON protocol over a WebSocket with the rules of
/// <see cref="Words.Json"/>; troubles travel as the message of a <see cref="HubException"/>.</summary>
public static class ControlProtocol
{
    /// <summary>Where the primary serves the hub.</summary>
    public const string Path = "/control";

    /// <summary>Largest message, bytes: an inventory of thousands of VMs fits.</summary>
    public const long MaxMessage = 8L << 20;

    /// <summary>How often each side says that it is there.</summary>
    public static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(10);

    /// <summary>After this long without a word the other side is taken for gone.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromSeconds(30);

    /// <summary>For the primary: <c>services.AddSignalR(ControlProtocol.Configure)</c>.</summary>
    public static void Configure(HubOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.MaximumReceiveMessageSize = MaxMessage;
        options.KeepAliveInterval = KeepAlive;
        options.ClientTimeoutInterval = Silence;
        // A hub method that asks the same peer for something would otherwise wait for itself.
        options.MaximumParallelInvocationsPerClient = 8;
        options.EnableDetailedErrors = false;
        options.AddFilter(new TroubleHubFilter());
    }

    /// <summary>For the primary: <c>.AddJsonProtocol(ControlProtocol.Configure)</c>.</summary>
    public static void Configure(JsonHubProtocolOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Words.Configure(options.PayloadSerializerOptions);
    }
}
