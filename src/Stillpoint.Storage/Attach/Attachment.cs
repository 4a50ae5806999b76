using NSec.Cryptography;
using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>The tie of a unit to the primary that decides what may be deleted in it: <c>primary.key</c>, written once,
/// removed by that primary's order.</summary>
public static class Attachment
{
    /// <summary>Bytes of an Ed25519 public key.</summary>
    public const int KeySize = 32;

    /// <summary>Ties the unit to the primary whose key it is, until that primary orders otherwise. Asking again for the same is no error.</summary>
    /// <param name="unit">The unit.</param>
    /// <param name="publicKey">Ed25519 public key, 32 bytes.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="TroubleException">It is tied to another primary, or the bytes are no key.</exception>
    public static async Task AttachAsync(StorageUnit unit, ReadOnlyMemory<byte> publicKey, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(unit);
        _ = Import(unit, publicKey.Span);
        var writer = ObjectFrame.Begin(ObjectFrame.PrimaryMagic);
        writer.Raw(publicKey.Span);
        await unit.CheckPresentAsync(cancel);
        try
        {
            if (await unit.Volume.PutIfAbsentAsync(UnitNames.PrimaryKey, ObjectFrame.End(writer), cancel)) return;
        }
        catch (IOException e)
        {
            throw UnitTrouble.Io(unit.Name, e);
        }
        if (await KeyAsync(unit, cancel) is { } there && there.AsSpan().SequenceEqual(publicKey.Span)) return;
        throw UnitTrouble.Refused(unit.Name, "it is attached to another primary server.", "use it from there, or make another unit");
    }

    /// <summary>Unties the unit by an order of its primary. One that is tied to none stays as it is.</summary>
    /// <exception cref="TroubleException">The order is another unit's, not signed by the primary, or the unit has changed since; or the unit locks
    /// what it holds.</exception>
    public static async Task DetachAsync(StorageUnit unit, DetachOrder order, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(unit);
        ArgumentNullException.ThrowIfNull(order);
        if (order.Unit != unit.Parameters.UnitId)
            throw UnitTrouble.Refused(unit.Name, $"the order is of storage unit {order.Unit:D}.", "give an order of this unit");
        await unit.CheckPresentAsync(cancel);
        await CheckAsync(unit, order.SignedText(), order.Signature, cancel);
        if (order.Head != await unit.HeadAsync(cancel))
            throw UnitTrouble.Refused(unit.Name, "it has changed since the order was made.", "detach it again");
        try
        {
            if (!await unit.TryDeleteAsync(UnitNames.PrimaryKey, cancel))
                throw UnitTrouble.Refused(unit.Name, "it locks what it holds, the primary's key too.", "wait until the lock has run out");
            await unit.Volume.SyncNamesAsync(UnitNames.PrimaryKey, cancel);
        }
        catch (FileNotFoundException)
        {
            // It was tied to none.
        }
        catch (IOException e)
        {
            throw UnitTrouble.Io(unit.Name, e);
        }
    }

    /// <summary>The key of the primary that the unit is tied to; null when it is tied to none.</summary>
    public static async Task<byte[]?> KeyAsync(StorageUnit unit, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(unit);
        try
        {
            return Decode(await SmallObject.ReadAsync(unit.Volume, UnitNames.PrimaryKey, cancel));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (IOException e)
        {
            throw UnitTrouble.Io(unit.Name, e);
        }
    }

    internal static byte[] Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new ByteReader(ObjectFrame.Content(bytes, ObjectFrame.PrimaryMagic, UnitNames.PrimaryKey), UnitNames.PrimaryKey);
        var key = reader.Take(KeySize).ToArray();
        reader.End();
        return key;
    }

    /// <summary>Refuses a plan that the unit's primary did not sign; a unit that is tied to none takes any.</summary>
    internal static async Task CheckAsync(StorageUnit unit, byte[] signed, string? signature, CancellationToken cancel)
    {
        if (await KeyAsync(unit, cancel) is not { } key) return;
        var bytes = new byte[SignatureAlgorithm.Ed25519.SignatureSize];
        if (signature is null)
        {
            throw UnitTrouble.Refused(
                unit.Name, "it is attached to a primary server and deletes only by a plan that it signed.", "let the primary do it, or override with --break-glass REASON");
        }
        if (!Convert.TryFromBase64String(signature, bytes, out var length) || length != bytes.Length
            || !SignatureAlgorithm.Ed25519.Verify(Import(unit, key), signed, bytes))
            throw UnitTrouble.Refused(unit.Name, "the plan is not signed by the primary server that the unit is attached to.", "take the plan as the primary gave it");
    }

    private static PublicKey Import(StorageUnit unit, ReadOnlySpan<byte> key) =>
        PublicKey.TryImport(SignatureAlgorithm.Ed25519, key, KeyBlobFormat.RawPublicKey, out var imported)
            ? imported!
            : throw UnitTrouble.Refused(unit.Name, $"the primary's key of {key.Length} bytes is no Ed25519 public key.", "give the 32 bytes that the primary shows");
}
