using System.Net;

namespace Stillpoint.Media;

/// <summary>What an administrator says of a media server.</summary>
/// <param name="Data">Its data folder.</param>
/// <param name="Primary">Base address of the primary server, https.</param>
/// <param name="Listen">Data endpoint; port 0 picks one.</param>
public sealed record MediaSettings(string Data, Uri Primary, IPEndPoint Listen);
