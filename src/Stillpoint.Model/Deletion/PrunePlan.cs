using System.Text;
using System.Text.Json.Serialization;

namespace Stillpoint.Model;

/// <summary>What a prune will do, image by image. Made first, then executed as it is.</summary>
/// <param name="Unit">The unit.</param>
/// <param name="Head">Its head when the plan was made, for people; what matters is looked at image by image when it is executed.</param>
/// <param name="Made">When it was made, UTC.</param>
/// <param name="Policy">The policy.</param>
/// <param name="Images">Every image that the plan looked at, newest first within its VM.</param>
/// <param name="Signature">Ed25519 signature of <see cref="SignedText"/>, Base64; null when nobody signed.</param>
public sealed record PrunePlan(
    Guid Unit, string Head, DateTimeOffset Made, RetentionPolicy Policy, IReadOnlyList<PlannedImage> Images, string? Signature = null)
{
    /// <summary>The images to give up.</summary>
    [JsonIgnore]
    public IEnumerable<PlannedImage> Going => Images.Where(i => !i.Stays);

    /// <summary>What is signed: ASCII lines <c>stillpoint prune plan 1</c>, <c>unit ID</c>, <c>head HEAD</c>, then <c>counts ID</c>,
    /// <c>stays ID</c> or <c>goes ID</c> for each image, ids ascending, as 32 hexadecimal digits, each line ended by a line feed.</summary>
    public byte[] SignedText()
    {
        var text = new StringBuilder($"stillpoint prune plan 1\nunit {Unit:N}\nhead {Head}\n");
        foreach (var image in Images.OrderBy(i => i.Id.ToString("N"), StringComparer.Ordinal)) text.Append(image.Counts ? "counts " : image.Stays ? "stays " : "goes ").Append($"{image.Id:N}\n");
        return Encoding.UTF8.GetBytes(text.ToString());
    }
}

/// <summary>One image of a plan.</summary>
/// <param name="Id">The image.</param>
/// <param name="Vm">Its VM.</param>
/// <param name="Created">When its checkpoint was taken, UTC.</param>
/// <param name="Stays">False when it is to be given up.</param>
/// <param name="Counts">True when it fills a place of the policy: if it were not sound, another image would have to stay for it.</param>
/// <param name="Reasons">Why it stays, or why it goes; at least one.</param>
public sealed record PlannedImage(Guid Id, Guid Vm, DateTimeOffset Created, bool Stays, bool Counts, IReadOnlyList<string> Reasons);
