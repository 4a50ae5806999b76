using System.Text.Json;
using Stillpoint.Durable;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Client;

/// <summary>Final reports that the primary has not answered yet: durable, sent again on every connection until they are.</summary>
internal sealed class Outbox : IDisposable
{
    private readonly string _folder;
    private readonly SemaphoreSlim _sending = new(1, 1);

    public Outbox(string folder)
    {
        Directory.CreateDirectory(folder);
        _folder = folder;
    }

    /// <summary>Jobs whose reports are not answered yet.</summary>
    public IReadOnlyList<Guid> Pending =>
        [.. Directory.EnumerateFiles(_folder, "*.json").Select(f => Guid.ParseExact(Path.GetFileNameWithoutExtension(f), "N"))];

    /// <summary>Keeps a report; it would survive a crash.</summary>
    public void Keep(JobReport report) =>
        DurableFile.Replace(PathOf(report.JobId), JsonSerializer.SerializeToUtf8Bytes(report, Words.Json));

    /// <summary>Sends what is kept; what cannot be sent stays.</summary>
    public async Task SendAllAsync(IPrimaryCalls primary)
    {
        await _sending.WaitAsync();
        try
        {
            foreach (var file in Directory.GetFiles(_folder, "*.json"))
            {
                try
                {
                    if (JsonSerializer.Deserialize<JobReport>(await File.ReadAllBytesAsync(file), Words.Json) is { } report) await primary.ReportOutcome(report);
                    File.Delete(file);
                }
                catch (TroubleException)
                {
                    // Sent on the next connection; one that the primary does not take holds up no other.
                }
            }
        }
        catch (Exception failure) when (failure is IOException or InvalidOperationException or OperationCanceledException)
        {
            // Sent on the next connection.
        }
        finally
        {
            _sending.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _sending.Dispose();

    private string PathOf(Guid jobId) => Path.Combine(_folder, $"{jobId:N}.json");
}
