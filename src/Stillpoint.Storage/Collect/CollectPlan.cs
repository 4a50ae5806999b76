using System.Text;
using Stillpoint.Model;

namespace Stillpoint.Storage;

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

    /// <summary>The plan that takes away all that was given up, for the primary to sign.</summary>
    public static async Task<CollectPlan> MakeAsync(StorageUnit unit, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(unit);
        return new CollectPlan(unit.Parameters.UnitId, [.. await ExpiredAsync(unit, cancel)]);
    }

    /// <summary>The images that a collect may treat as given up.</summary>
    /// <exception cref="TroubleException">The unit takes signed plans only, and this is none.</exception>
    internal static async Task<IReadOnlySet<Guid>> AllowedAsync(StorageUnit unit, CollectOptions options, CancellationToken cancel)
    {
        var expired = await ExpiredAsync(unit, cancel);
        if (await Attachment.KeyAsync(unit, cancel) is null) return expired;
        if (options.Plan is not { } plan)
        {
            await BreakGlass.RequireAsync(unit, options.Glass, "collect", cancel);
            return expired;
        }
        if (plan.Unit != unit.Parameters.UnitId) throw UnitTrouble.Refused(unit.Name, $"the plan is of storage unit {plan.Unit:D}.", "take the plan of this unit");
        await Attachment.CheckAsync(unit, plan.SignedText(), plan.Signature, cancel);
        return expired.Where(plan.Images.ToHashSet().Contains).ToHashSet();
    }

    private static async Task<IReadOnlySet<Guid>> ExpiredAsync(StorageUnit unit, CancellationToken cancel) =>
        (await unit.Keepings.AllAsync(cancel)).Where(k => k.Value.Expired).Select(k => k.Key).ToHashSet();
}
