namespace Stillpoint.HyperV;

/// <summary>Where a host is and how to log in.</summary>
/// <param name="Url">For example <c>https://hv1.example:5986/wsman</c>. Only HTTPS: Basic authentication shows the password.</param>
/// <param name="User">A local account of the host, in Administrators or Hyper-V Administrators.</param>
/// <param name="Password">Its password.</param>
/// <param name="CertificateFingerprint">SHA-256 of the host's certificate in hex (colons allowed): that certificate and no other. Null:
/// the system's trust decides.</param>
public sealed record HyperVHostOptions(Uri Url, string User, string Password, string? CertificateFingerprint = null)
{
    /// <summary>How long the host may think about one request.</summary>
    public TimeSpan OperationTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long after <see cref="OperationTimeout"/> an answer is still waited for.</summary>
    public TimeSpan AnswerGrace { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a job of the host may run before it is given up; it goes on on the host.</summary>
    public TimeSpan JobTimeout { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Longest answer that is asked for, in bytes; hosts since 2012 allow 500 KiB by default.</summary>
    public int MaxEnvelopeBytes { get; init; } = 512_000;

    /// <summary>Longest answer that is taken, in bytes: a host that ignores what was asked for is cut off here.</summary>
    public int MaxAnswerBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>Longest list that is taken, in bytes of all its answers; a VM costs about 20 KiB.</summary>
    public long MaxEnumerationBytes { get; init; } = 512L * 1024 * 1024;

    /// <summary>Without the password.</summary>
    public override string ToString() => $"{User} at {Url}";
}
