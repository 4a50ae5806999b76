using Microsoft.Extensions.Hosting;

namespace Stillpoint.Primary;

/// <summary>Signals of the process belong to the executable: it may run other roles beside this one.</summary>
internal sealed class NoLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
