using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>The override of a unit that deletes only by signed plans. It leaves <c>broken-glass/TIME.ID</c> in the unit, which nothing deletes
/// and which the head includes.</summary>
/// <param name="Reason">Why, for whoever reads it later.</param>
public sealed record BreakGlass(string Reason)
{
    /// <summary>The overrides that a unit has seen, oldest first: when, what, why.</summary>
    public static async Task<IReadOnlyList<(DateTimeOffset At, string What, string Reason)>> ListAsync(StorageUnit unit, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(unit);
        var all = new List<(DateTimeOffset, string, string)>();
        try
        {
            foreach (var entry in (await unit.Volume.ListAsync(UnitNames.BrokenGlass, cancel)).OrderBy(e => e.Name, StringComparer.Ordinal))
                all.Add(Decode(await SmallObject.ReadAsync(unit.Volume, entry.Name, cancel), entry.Name));
        }
        catch (IOException e)
        {
            throw UnitTrouble.Io(unit.Name, e);
        }
        return all;
    }

    /// <summary>Writes the override down before what it allows is done.</summary>
    /// <exception cref="TroubleException">There is no override.</exception>
    internal static async Task RequireAsync(StorageUnit unit, BreakGlass? glass, string what, CancellationToken cancel)
    {
        if (glass is null)
        {
            throw UnitTrouble.Refused(
                unit.Name, "it is attached to a primary server and deletes only by a plan that it signed.", "let the primary do it, or override with --break-glass REASON");
        }
        if (string.IsNullOrWhiteSpace(glass.Reason) || glass.Reason.Length > 1000)
            throw UnitTrouble.Refused(unit.Name, "an override needs a reason of 1 to 1000 characters.", "say why with --break-glass REASON");
        var now = unit.Environment.Time.GetUtcNow();
        var writer = ObjectFrame.Begin(ObjectFrame.GlassMagic);
        writer.I64(now.UtcTicks);
        writer.Text(what);
        writer.Text(glass.Reason);
        try
        {
            await unit.Volume.PutIfAbsentAsync(UnitNames.Glass(now, unit.Environment.NewId()), ObjectFrame.End(writer), cancel);
        }
        catch (IOException e)
        {
            throw UnitTrouble.Io(unit.Name, e);
        }
    }

    internal static (DateTimeOffset At, string What, string Reason) Decode(ReadOnlySpan<byte> bytes, string name)
    {
        var reader = new ByteReader(ObjectFrame.Content(bytes, ObjectFrame.GlassMagic, name), name);
        var glass = (UnitTime.Of(reader.I64(), name), reader.Text(), reader.Text());
        reader.End();
        return glass;
    }
}
