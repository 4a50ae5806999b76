using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>
/// Tells collectors that a session lives: <c>leases/SESSION</c> holds a counter that grows while the session is open. It promises nothing
/// to the session itself, which may be declared dead at any time and learns it from its end.
/// </summary>
internal sealed class SessionLease : IAsyncDisposable
{
    private readonly StorageUnit _unit;
    private readonly Guid _session;
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _stop = new();
    private ITimer? _timer;
    private Task _renewal = Task.CompletedTask;
    private long _counter;

    private SessionLease(StorageUnit unit, Guid session) => (_unit, _session) = (unit, session);

    /// <summary>True when a renewal found that the session was ended by another.</summary>
    public bool Lost { get; private set; }

    public static async Task<SessionLease> StartAsync(StorageUnit unit, Guid session, CancellationToken cancel)
    {
        var lease = new SessionLease(unit, session);
        await lease.PutAsync(cancel);
        var period = unit.Environment.Margins.LeaseRenewal;
        lease._timer = unit.Environment.Time.CreateTimer(static state => ((SessionLease)state!).Renew(), lease, period, period);
        return lease;
    }

    /// <summary>The counter of a session's lease; -1 when there is none that can be read.</summary>
    public static async Task<long> CounterAsync(IVolume volume, Guid session, CancellationToken cancel)
    {
        var name = UnitNames.Lease(session);
        try
        {
            return Decode(await SmallObject.ReadAsync(volume, name, cancel), name, session);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or TroubleException)
        {
            return -1;
        }
    }

    /// <summary>Stops renewing and takes the lease away, if the volume answers soon.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_timer is not null) await _timer.DisposeAsync();
        await _stop.CancelAsync();
        Task last;
        lock (_gate) last = _renewal;
        await last;
        _stop.Dispose();
        using var limit = _unit.Environment.NewParting();
        try
        {
            await _unit.Volume.DeleteAsync(UnitNames.Lease(_session), limit.Token);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or OperationCanceledException)
        {
            // A lease that stays is swept by the next collect.
        }
    }

    private void Renew()
    {
        // A volume that is slower than the timer is asked again when it has answered.
        lock (_gate)
        {
            if (_renewal.IsCompleted) _renewal = RenewAsync();
        }
    }

    private async Task RenewAsync()
    {
        try
        {
            await PutAsync(_stop.Token);
            var end = new byte[1];
            Lost = Lost || await _unit.Volume.ReadAsync(UnitNames.End(_session), 0, end, _stop.Token) > 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or OperationCanceledException)
        {
            // The next one may succeed; if none does, a collector will end the session, and its commit will say so.
        }
    }

    private async Task PutAsync(CancellationToken cancel)
    {
        var writer = ObjectFrame.Begin(ObjectFrame.LeaseMagic);
        writer.Id(_session);
        writer.VarInt(_counter++);
        writer.I64(_unit.Environment.Time.GetUtcNow().UtcTicks);
        await _unit.Volume.PutAsync(UnitNames.Lease(_session), ObjectFrame.End(writer), cancel);
    }

    internal static long Decode(ReadOnlySpan<byte> bytes, string name, Guid session)
    {
        var reader = new ByteReader(ObjectFrame.Content(bytes, ObjectFrame.LeaseMagic, name), name);
        if (reader.Id() != session) throw Damage.Of(name, "it is the lease of another session");
        var counter = reader.VarInt();
        reader.I64();
        reader.End();
        return counter;
    }
}
