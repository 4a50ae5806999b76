using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>Holds, releases, locks and gives up single images.</summary>
public static class Keeper
{
    private const string Held = "it is held";

    /// <summary>The images that were not given up, newest first, with their keepings.</summary>
    /// <exception cref="TroubleException">The unit cannot be read.</exception>
    public static async Task<IReadOnlyList<CommittedImage>> ListAsync(StorageUnit unit, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(unit);
        await unit.CheckPresentAsync(cancel);
        return await GuardAsync(unit, async () => (await unit.Catalog.CommittedAsync(strict: true, cancel)).Images);
    }

    /// <summary>Keeps an image from being given up until it is released. A second hold replaces the reason of the first.</summary>
    /// <param name="unit">The unit.</param>
    /// <param name="image">The image.</param>
    /// <param name="reason">Why, sealed by <see cref="NoteCodec.SealText"/> as a <see cref="NoteKind.Hold"/>; null without a key.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="TroubleException">There is no such image.</exception>
    public static Task<ImageKeeping> HoldAsync(StorageUnit unit, Guid image, SealedBlob? reason, CancellationToken cancel) =>
        AddAsync(unit, image, (_, number, now) => new KeepingEntry(image, number, KeepingKind.Held, now, null, reason), cancel);

    /// <summary>Ends a hold; nothing happens when there is none.</summary>
    /// <exception cref="TroubleException">There is no such image.</exception>
    public static Task<ImageKeeping> ReleaseAsync(StorageUnit unit, Guid image, CancellationToken cancel) =>
        AddAsync(unit, image, (state, number, now) => state.Held ? new KeepingEntry(image, number, KeepingKind.Released, now, null, null) : null, cancel);

    /// <summary>Keeps an image from being given up before a date. Nothing shortens a lock; a later date lengthens it.</summary>
    /// <exception cref="TroubleException">There is no such image.</exception>
    public static Task<ImageKeeping> LockAsync(StorageUnit unit, Guid image, DateTimeOffset until, CancellationToken cancel) =>
        AddAsync(
            unit, image,
            (state, number, now) => state.LockedUntil >= until ? null : new KeepingEntry(image, number, KeepingKind.Locked, now, until.ToUniversalTime(), null),
            cancel);

    /// <summary>Gives an image up. Readers leave it out at once; a collect deletes what only it needs.</summary>
    /// <param name="unit">The unit.</param>
    /// <param name="image">The image.</param>
    /// <param name="glass">Overrides the need of a signed plan where the unit is attached to a primary. It overrides neither hold nor lock.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="TroubleException">There is no such image, or the unit takes signed plans only; or it is held or locked, then with an
    /// <see cref="ObjectLockedException"/> inside.</exception>
    public static async Task ExpireAsync(StorageUnit unit, Guid image, BreakGlass? glass, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(unit);
        await unit.CheckPresentAsync(cancel);
        if (await Attachment.KeyAsync(unit, cancel) is not null) await BreakGlass.RequireAsync(unit, glass, $"expire image {image:N}", cancel);
        var found = (await ListAsync(unit, cancel)).FirstOrDefault(i => i.Image.Header.Id == image) ?? throw Absent(unit, image);
        if (await TryExpireAsync(unit, found, cancel) is not { } why) return;
        throw new TroubleException(
            $"storage unit {unit.Name}", $"image {image:D} cannot be given up: {why}.",
            why == Held ? $"release the hold with: stillpoint store hold {unit.Name} {image:D} --release"
                : "wait until that date is over: a lock ends by time, which the backups made meanwhile prove",
            inner: new ObjectLockedException($"image {image:D}: {why}"));
    }

    /// <summary>Why an image may not be given up; null when it may.</summary>
    /// <param name="image">The image, with what is said of it.</param>
    /// <param name="proven">The time that the unit can prove.</param>
    internal static string? Obstacle(CommittedImage image, DateTimeOffset proven) =>
        image.Keeping.Held ? Held
        : image.LockedUntil is { } until && until > proven
            ? $"it is locked until {until:u}{(until == image.UnitLock ? " by its unit" : "")}, and what is written in the unit proves no later time than {proven:u}"
        : null;

    /// <summary>The time that the unit can prove: never later than this machine's clock, nor than that of the server which holds it.</summary>
    internal static async Task<DateTimeOffset> ProvenTimeAsync(StorageUnit unit, CancellationToken cancel)
    {
        var times = (await unit.Catalog.EndsAsync(cancel)).Select(e => e.Written).ToList();
        times.AddRange((await unit.Volume.ListAsync(UnitNames.Notes, cancel)).Select(e => UnitNames.TimeOfNote(e.Name)).OfType<DateTimeOffset>());
        var now = unit.Environment.Time.GetUtcNow();
        if (await unit.Volume.ServerTimeAsync(cancel) is { } server && server < now) now = server;
        return ProvenTime.Of(unit.Created, times, now, unit.Environment.Margins.MostClockStep);
    }

    /// <summary>Gives an image up unless something forbids it.</summary>
    /// <returns>Why it was not given up; null when it is, now or since before.</returns>
    internal static Task<string?> TryExpireAsync(StorageUnit unit, CommittedImage image, CancellationToken cancel) => GuardAsync(unit, async () =>
    {
        var proven = await ProvenTimeAsync(unit, cancel);
        string? obstacle = null;
        var now = unit.Environment.Time.GetUtcNow();
        var id = image.Image.Header.Id;
        await unit.Keepings.AddAsync(
            id,
            (state, number) => state.Expired || (obstacle = Obstacle(image with { Keeping = state }, proven)) is not null
                ? null
                : new KeepingEntry(id, number, KeepingKind.Expired, now, null, null),
            cancel);
        return obstacle;
    });

    private static async Task<ImageKeeping> AddAsync(
        StorageUnit unit, Guid image, Func<ImageKeeping, int, DateTimeOffset, KeepingEntry?> entry, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(unit);
        if ((await ListAsync(unit, cancel)).All(i => i.Image.Header.Id != image)) throw Absent(unit, image);
        var now = unit.Environment.Time.GetUtcNow();
        return await GuardAsync(unit, () => unit.Keepings.AddAsync(
            image,
            (state, number) => !state.Expired ? entry(state, number, now) : throw Absent(unit, image),
            cancel));
    }

    private static TroubleException Absent(StorageUnit unit, Guid image) =>
        UnitTrouble.Refused(unit.Name, $"it has no image {image:D}, or it was given up.", $"list them with: stillpoint store images {unit.Name}");

    private static async Task<T> GuardAsync<T>(StorageUnit unit, Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (IOException e)
        {
            throw UnitTrouble.Io(unit.Name, e);
        }
    }
}
