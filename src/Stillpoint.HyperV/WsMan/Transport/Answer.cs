using System.Xml.Linq;

namespace Stillpoint.HyperV;

/// <summary>What a host answered.</summary>
/// <param name="Envelope">The envelope.</param>
/// <param name="Length">Its length as sent, bytes.</param>
internal readonly record struct Answer(XElement Envelope, long Length);
