using System.Globalization;
using Amazon.Runtime;
using Amazon.S3;

namespace Stillpoint.Storage;

/// <summary>The clock of an object store, as the <c>Date</c> of its answers tells it (RFC 9110, section 6.6.1; whole seconds).</summary>
internal sealed class ServerClock
{
    private readonly TimeProvider _time;
    private Reading? _last;

    /// <param name="client">Each of its answers is a reading.</param>
    /// <param name="time">Counts what has passed since; what it calls the time does not matter.</param>
    public ServerClock(AmazonS3Client client, TimeProvider time)
    {
        _time = time;
        client.AfterResponseEvent += (_, answer) =>
        {
            if (answer is WebServiceResponseEventArgs { ResponseHeaders: { } headers } && Date(headers) is { } date)
                _last = new Reading(date, time.GetTimestamp());
        };
    }

    /// <summary>Null before the first answer.</summary>
    public DateTimeOffset? Now => Volatile.Read(ref _last) is { } last ? last.Date + _time.GetElapsedTime(last.Seen) : null;

    private static DateTimeOffset? Date(IDictionary<string, string> headers)
    {
        foreach (var (name, value) in headers)
        {
            if (name.Equals("Date", StringComparison.OrdinalIgnoreCase)
                && DateTimeOffset.TryParseExact(value, "r", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var date)) return date;
        }
        return null;
    }

    private sealed record Reading(DateTimeOffset Date, long Seen);
}
