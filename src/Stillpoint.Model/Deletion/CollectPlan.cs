using System.Text;

namespace Stillpoint.Model;

/// <summary>What a primary allows a collect to do in a unit that is attached to it: take away what only these images need. A plan may be used
/// again; it allows nothing that was not given up.</summary>
/// <param name="Unit">The unit.</param>
/// <param name="Images">Images that were given up.</param>
/// <param name="Signature">Ed25519 signature of <see cref="SignedText"/>, Base64; null when nobody signed.</param>
public sealed record CollectPlan(Guid Unit, IReadOnlyList<Guid> Images, string? Signature = null)
{
    /// <summary>What is signed: ASCII lines <c>stillpoint collect plan 1</c>, <c>unit ID</c>, then <c>image ID</c> for each, ids ascending, as 32
    /// hexadecimal digits, each line ended by a line feed.</summary>
    public byte[] SignedText()
    {
        var text = new StringBuilder($"stillpoint collect plan 1\nunit {Unit:N}\n");
        foreach (var image in Images.Select(i => i.ToString("N")).Order(StringComparer.Ordinal)) text.Append("image ").Append(image).Append('\n');
        return Encoding.ASCII.GetBytes(text.ToString());
    }
}
