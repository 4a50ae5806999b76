using System.Globalization;
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

    /// <summary>Why nobody may sign or execute this plan, whoever made it; null when there is nothing against it.</summary>
    public string? Flaw() =>
        Policy is null ? "it has no policy"
        : Head is not { Length: 64 } || !Head.All(char.IsAsciiHexDigit) ? "it names no head"
        : Images is null || Images.Any(i => i?.Reasons is null || i.Reasons.Contains(null!)) ? "it names no images"
        : Images.Select(i => i.Id).Distinct().Count() != Images.Count ? "it names an image twice"
        : Images.FirstOrDefault(i => i.Counts && !i.Stays) is { } odd ? $"image {odd.Id:D} fills a place of the policy and goes"
        : null;

    /// <summary>What is signed of a plan without a <see cref="Flaw"/>: all that it says, so that no field of it can be another than the one that was
    /// looked at. ASCII lines <c>stillpoint prune plan 2</c>, <c>unit ID</c>, <c>head HEAD</c>, <c>made TICKS</c>,
    /// <c>policy LAST HOURLY DAILY WEEKLY MONTHLY YEARLY</c>, then <c>image ID VM TICKS stays|goes counts|spare REASONS</c> for each image, ids
    /// ascending; ids are 32 hexadecimal digits, times ticks of 100 ns of year 1 UTC, reasons UTF-8 in Base64 with commas between, and each line is
    /// ended by a line feed.</summary>
    public byte[] SignedText()
    {
        var text = new StringBuilder($"stillpoint prune plan 2\nunit {Unit:N}\nhead {Head}\n");
        text.Append(CultureInfo.InvariantCulture, $"made {Made.UtcTicks}\n");
        text.Append(CultureInfo.InvariantCulture, $"policy {Policy.Last} {Policy.Hourly} {Policy.Daily} {Policy.Weekly} {Policy.Monthly} {Policy.Yearly}\n");
        foreach (var image in Images.OrderBy(i => i.Id.ToString("N"), StringComparer.Ordinal))
        {
            text.Append(CultureInfo.InvariantCulture, $"image {image.Id:N} {image.Vm:N} {image.Created.UtcTicks} ");
            text.Append(image.Stays ? "stays" : "goes").Append(image.Counts ? " counts " : " spare ");
            text.AppendJoin(',', image.Reasons.Select(r => Convert.ToBase64String(Encoding.UTF8.GetBytes(r)))).Append('\n');
        }
        return Encoding.ASCII.GetBytes(text.ToString());
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
