using Stillpoint.Storage;

namespace Stillpoint.Cli;

/// <summary>Progress of a collect: bytes with rate and time left in the stages that move bytes, a line each time another number of sessions is waited for.</summary>
internal sealed class StageProgress(TimeProvider time) : IProgress<CollectProgress>, IDisposable
{
    private CollectStage? _stage;
    private (long Done, long Total) _waiting = (-1, -1);
    private ByteProgress? _bytes;

    public void Report(CollectProgress value)
    {
        if (value.Stage == CollectStage.Waiting)
        {
            if (_waiting == (value.Done, value.Total)) return;
            _waiting = (value.Done, value.Total);
            var left = value.Total - value.Done;
            Terminal.Note($"waiting for {Counted.Of(left, "backup")} that began before");
            return;
        }
        if (value.Stage is not (CollectStage.Rewriting or CollectStage.Deleting)) return;
        if (_stage != value.Stage)
        {
            _bytes?.Dispose();
            _bytes = new ByteProgress(value.Stage == CollectStage.Rewriting ? "copying what lives" : "deleting", value.Total, time);
            _stage = value.Stage;
        }
        _bytes!.Report(value.Done);
    }

    public void Dispose() => _bytes?.Dispose();
}
