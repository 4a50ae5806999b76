using System.Text.Json;
using System.Threading.Channels;
using Stillpoint.Durable;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Client;

/// <summary>
/// The client's own record of what it may leave on the host: one small file an intent, durable before the call. Calls that make something new
/// also wait for the primary's record, so that a client that lost its disk is told what it left; calls that release need the local record alone.
/// The primary hears of everything in the order it happened; what it has not answered yet is told again after a restart.
/// </summary>
internal sealed class IntentLedger : IAsyncDisposable
{
    private const string Open = ".intent";
    private const string Ended = ".ended";
    private readonly string _folder;
    private readonly IPrimaryCalls _primary;
    private readonly TimeProvider _time;
    private readonly Func<Guid> _newId;
    private readonly Channel<Func<Task>> _toTell = Channel.CreateUnbounded<Func<Task>>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Task _telling;

    public IntentLedger(string folder, IPrimaryCalls primary, TimeProvider time, Func<Guid> newId)
    {
        Directory.CreateDirectory(folder);
        (_folder, _primary, _time, _newId) = (folder, primary, time, newId);
        _telling = Task.Run(TellAllAsync);
        foreach (var file in Directory.EnumerateFiles(_folder, "*" + Ended)) TellEnded(Guid.ParseExact(Path.GetFileNameWithoutExtension(file), "N"));
    }

    /// <summary>All that was recorded here and not ended, oldest first.</summary>
    public IReadOnlyList<Intent> Unfinished() =>
        [.. Directory.EnumerateFiles(_folder, "*" + Open).Select(Read).OfType<Intent>().OrderBy(i => i.Recorded)];

    /// <summary>True when the intent was ended here, whatever the primary still believes.</summary>
    public bool WasEnded(Guid intentId) => File.Exists(PathOf(intentId, Ended));

    /// <summary>Records an intent. Returns when it would survive a crash; for a call that makes something new also at the primary.</summary>
    public async Task<Intent> RecordAsync(Guid jobId, Guid vmId, HostCall call, IReadOnlyList<string> idsBefore, CancellationToken cancel)
    {
        var intent = new Intent(_newId(), jobId, vmId, call, idsBefore, null, _time.GetUtcNow());
        Write(intent);
        var told = Tell(() => _primary.RecordIntent(intent));
        if (call != HostCall.ConvertToReferencePoint) await told.WaitAsync(cancel);
        Kill.Reach(KillPoint.IntentRecorded);
        return intent;
    }

    /// <summary>Notes what the call made.</summary>
    public Intent Result(Intent intent, string resultId)
    {
        var known = intent with { ResultId = resultId };
        Write(known);
        _ = Tell(() => _primary.RecordIntent(known));
        return known;
    }

    /// <summary>What the intent was about is released, or became wanted.</summary>
    public void End(Intent intent)
    {
        var ended = PathOf(intent.Id, Ended);
        if (File.Exists(PathOf(intent.Id, Open))) File.Move(PathOf(intent.Id, Open), ended, overwrite: true);
        else DurableFile.Replace(ended, JsonSerializer.SerializeToUtf8Bytes(intent, Words.Json));
        DurableFile.SyncDirectory(_folder);
        TellEnded(intent.Id);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _toTell.Writer.TryComplete();
        await _telling;
    }

    private void TellEnded(Guid intentId) => _ = Tell(async () =>
    {
        await _primary.EndIntent(intentId);
        File.Delete(PathOf(intentId, Ended));
    });

    private Task Tell(Func<Task> call)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _toTell.Writer.TryWrite(async () =>
        {
            try
            {
                await call();
                done.TrySetResult();
            }
            catch (Exception failure)
            {
                done.TrySetException(failure);
                _ = done.Task.Exception;
            }
        });
        return done.Task;
    }

    private async Task TellAllAsync()
    {
        await foreach (var call in _toTell.Reader.ReadAllAsync()) await call();
    }

    private void Write(Intent intent) => DurableFile.Replace(PathOf(intent.Id, Open), JsonSerializer.SerializeToUtf8Bytes(intent, Words.Json));

    private string PathOf(Guid id, string ending) => Path.Combine(_folder, id.ToString("N") + ending);

    private static Intent? Read(string file) => JsonSerializer.Deserialize<Intent>(File.ReadAllBytes(file), Words.Json);
}
