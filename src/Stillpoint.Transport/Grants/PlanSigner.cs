using NSec.Cryptography;
using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>Signs at the primary server what may be deleted in storage units that are attached to it, Ed25519. Its key is another than that of the
/// grants: one of these may be made anew, units are tied to this one. Safe for several threads.</summary>
public sealed class PlanSigner : IDisposable
{
    private readonly Key _key;

    private PlanSigner(Key key)
    {
        _key = key;
        PublicKey = key.PublicKey.Export(KeyBlobFormat.RawPublicKey);
    }

    /// <summary>32 bytes: the unit's <c>primary.key</c>.</summary>
    public byte[] PublicKey { get; }

    /// <summary>Loads the key from <paramref name="path"/> (32 raw bytes, owner only), or makes one where there is none.</summary>
    /// <exception cref="TroubleException">The file holds no such key.</exception>
    public static PlanSigner LoadOrCreate(string path) => new(SigningKey.LoadOrCreate(
        path, "plan key", "Restore it: with another key, units that are attached delete nothing but with --break-glass."));

    /// <summary>The plan, signed.</summary>
    public PrunePlan Sign(PrunePlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return plan with { Signature = Sign(plan.SignedText()) };
    }

    /// <summary>The plan, signed.</summary>
    public CollectPlan Sign(CollectPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return plan with { Signature = Sign(plan.SignedText()) };
    }

    /// <summary>The order, signed.</summary>
    public DetachOrder Sign(DetachOrder order)
    {
        ArgumentNullException.ThrowIfNull(order);
        return order with { Signature = Sign(order.SignedText()) };
    }

    /// <inheritdoc/>
    public void Dispose() => _key.Dispose();

    private string Sign(byte[] text) => Convert.ToBase64String(SignatureAlgorithm.Ed25519.Sign(_key, text));
}
