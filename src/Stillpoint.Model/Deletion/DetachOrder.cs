using System.Text;

namespace Stillpoint.Model;

/// <summary>A primary's word that a unit is no longer attached to it. Good for the unit as it is: its head is in it, so that it cannot be used again
/// after something changed.</summary>
/// <param name="Unit">The unit.</param>
/// <param name="Head">Its head.</param>
/// <param name="Signature">Ed25519 signature of <see cref="SignedText"/>, Base64; null when nobody signed.</param>
public sealed record DetachOrder(Guid Unit, string Head, string? Signature = null)
{
    /// <summary>What is signed: ASCII lines <c>stillpoint detach order 1</c>, <c>unit ID</c>, <c>head HEAD</c>, each ended by a line feed.</summary>
    public byte[] SignedText() => Encoding.ASCII.GetBytes($"stillpoint detach order 1\nunit {Unit:N}\nhead {Head}\n");
}
