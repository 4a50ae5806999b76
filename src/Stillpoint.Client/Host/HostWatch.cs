using Stillpoint.HyperV;
using Stillpoint.Model;

namespace Stillpoint.Client;

/// <summary>How far a client lets an open checkpoint go before it gives it up by itself.</summary>
/// <param name="FreeShare">Part of a volume that stays free, 0 to 1.</param>
/// <param name="FreeBytes">Free space that is enough whatever the volume's size: on large volumes a share alone would be absurd.</param>
/// <param name="CheckpointAge">Longest time that a checkpoint stays open.</param>
/// <param name="Interval">Time between two looks.</param>
public sealed record HostLimits(double FreeShare, long FreeBytes, TimeSpan CheckpointAge, TimeSpan Interval)
{
    /// <summary>The same with twice the space: where a warning is due.</summary>
    public HostLimits Twice => this with { FreeShare = Math.Min(1, FreeShare * 2), FreeBytes = checked(FreeBytes * 2) };

    /// <summary>10 % or 20 GiB free, whichever is less; 12 hours; a look every 10 seconds.</summary>
    public static HostLimits Default { get; } = new(0.10, 20L << 30, TimeSpan.FromHours(12), TimeSpan.FromSeconds(10));
}

/// <summary>
/// The host comes first: while a checkpoint is open its volumes fill with what the guest writes. This looks at free space and at the
/// checkpoint's age, without the primary, and stops the run with a reason when a limit is reached.
/// </summary>
internal sealed class HostWatch : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop;
    private readonly CancellationTokenSource _ended = new();
    private readonly Task _loop;
    private Trouble? _reason;

    public HostWatch(IHostFiles files, IReadOnlyList<string> frozenDisks, HostLimits limits, TimeProvider time, CancellationToken cancel)
    {
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        _loop = LookAsync(files, frozenDisks, limits, time, _ended.Token);
    }

    /// <summary>Cancelled when the run must give up the checkpoint, or when it was cancelled from outside.</summary>
    public CancellationToken Token => _stop.Token;

    /// <summary>Why the host's protection stopped the run; null when it did not.</summary>
    public Trouble? Reason => _reason;

    /// <summary>What is wrong with the space on the disks' volumes; null when there is enough.</summary>
    public static Trouble? SpaceTrouble(IHostFiles files, IEnumerable<string> disks, HostLimits limits)
    {
        foreach (var path in disks)
        {
            var space = files.Space(path);
            var floor = Math.Min((long)(space.TotalBytes * limits.FreeShare), limits.FreeBytes);
            if (space.FreeBytes >= floor) continue;
            return new Trouble(
                null,
                $"volume of {path}",
                $"only {Bytes.Format(space.FreeBytes)} of {Bytes.Format(space.TotalBytes)} are free, below the floor of {Bytes.Format(floor)} that an open checkpoint must leave.",
                "Free space on the volume, or lower the client's floor with --keep-free.");
        }
        return null;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync();
        await _loop;
        _stop.Dispose();
        _ended.Dispose();
    }

    private async Task LookAsync(IHostFiles files, IReadOnlyList<string> disks, HostLimits limits, TimeProvider time, CancellationToken ended)
    {
        var opened = time.GetTimestamp();
        while (!ended.IsCancellationRequested)
        {
            _reason = SpaceTrouble(files, disks, limits);
            if (_reason is null && time.GetElapsedTime(opened) > limits.CheckpointAge)
            {
                _reason = new Trouble(
                    null,
                    "checkpoint",
                    $"it has been open for {limits.CheckpointAge.TotalHours:0.#} hours, the age limit.",
                    "See why the transfer is slow; raise the client's --checkpoint-age if the disk needs longer.");
            }
            if (_reason is not null)
            {
                await _stop.CancelAsync();
                return;
            }
            await Task.Delay(limits.Interval, time, ended).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
