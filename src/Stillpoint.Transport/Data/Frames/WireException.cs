namespace Stillpoint.Transport;

/// <summary>The other side broke the rules of docs/WIRE.md: nothing that it sends can be believed any more.</summary>
internal sealed class WireException(string what) : Exception(what);
