namespace Stillpoint.HyperV;

/// <summary>How requests on a connection say who sends them, and in what form bodies travel.</summary>
internal interface ILogin : IDisposable
{
    /// <summary>Logs the connection in when it is not.</summary>
    /// <exception cref="Model.TroubleException">The host refuses, or does not offer this way.</exception>
    Task EnsureAsync(HostLink link, CancellationToken cancel);

    /// <summary>Sends an envelope.</summary>
    Task<HttpResponseMessage> PostAsync(HostLink link, byte[] envelope, CancellationToken cancel);

    /// <summary>The SOAP of an answer, out of the form in which it travelled.</summary>
    /// <exception cref="InvalidAnswerException">It did not come from the host, or cannot be read.</exception>
    OpenedBody Open(byte[] body, string? contentType);

    /// <summary>Forgets that the connection is logged in. False when there is nothing to forget: logging in again would change nothing.</summary>
    bool Forget();
}

/// <summary>A body in clear.</summary>
/// <param name="Soap">Its bytes.</param>
/// <param name="Charset">Its character set by its label; null for none.</param>
internal readonly record struct OpenedBody(byte[] Soap, string? Charset);
