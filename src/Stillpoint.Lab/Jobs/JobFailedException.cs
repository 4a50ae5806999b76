namespace Stillpoint.Lab;

/// <summary>Work that ends its job with an error, in the host's words.</summary>
/// <param name="message">ErrorDescription.</param>
/// <param name="code">ErrorCode.</param>
internal sealed class JobFailedException(string message, ushort code = 32768) : Exception(message)
{
    /// <summary>ErrorCode of the job.</summary>
    public ushort Code { get; } = code;
}
