namespace Stillpoint.Cli;

/// <summary>Progress of work that tells its size with its first report.</summary>
internal sealed class WorkProgress(string title) : IDisposable
{
    private ByteProgress? _shown;

    public void Report(long done, long total) => (_shown ??= new ByteProgress(title, total, TimeProvider.System)).Report(done);

    public void Dispose() => _shown?.Dispose();
}
