namespace Stillpoint.Store.Tests;

/// <summary>A process under the scheduler, from its start to its end or its death. Once it is killed no call of it has any effect.</summary>
internal sealed class ScheduledProcess(string name, Scheduler scheduler)
{
    private volatile bool _dead;
    private volatile bool _dying;

    public string Name => name;

    /// <summary>Turns that it does not get.</summary>
    public int StoppedFor { get; set; }

    public bool Dead => _dead;

    public void Kill(bool afterCall)
    {
        if (afterCall) _dying = true;
        else _dead = true;
    }

    /// <summary>Makes a call when it is its turn.</summary>
    public async ValueTask<T> CallAsync<T>(string what, Func<ValueTask<T>> call)
    {
        await scheduler.PassAsync(this, what);
        if (_dead) throw new IOException("the process was killed");
        var result = await call();
        if (!_dying) return result;
        _dead = true;
        throw new IOException("the process was killed");
    }
}
