using System.Globalization;
using Amazon.Runtime;

namespace Stillpoint.Store.Tests;

/// <summary>A server whose clock is ahead: the dates of its answers are, and nothing else is touched.</summary>
internal sealed class ShiftedClock(Func<TimeSpan> ahead) : HttpClientFactory
{
    // The client would sign its requests by the false date, and the gateway refuse them.
    static ShiftedClock() => Amazon.AWSConfigs.CorrectForClockSkew = false;

    public override HttpClient CreateHttpClient(IClientConfig clientConfig) => new(new Shift(ahead)) { Timeout = TimeSpan.FromMinutes(2) };

    public override bool UseSDKHttpClientCaching(IClientConfig clientConfig) => false;

    public override bool DisposeHttpClientsAfterUse(IClientConfig clientConfig) => false;

    private sealed class Shift(Func<TimeSpan> ahead) : DelegatingHandler(new HttpClientHandler())
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var answer = await base.SendAsync(request, cancellationToken);
            if (answer.Headers.Date is { } date)
            {
                answer.Headers.Remove("Date");
                answer.Headers.TryAddWithoutValidation("Date", (date + ahead()).ToString("r", CultureInfo.InvariantCulture));
            }
            return answer;
        }
    }
}
