namespace Stillpoint.Lab;

/// <summary>Who is at the other end of one TCP connection: Negotiate logs in the connection, not the request.</summary>
internal sealed class ConnectionLogin : IDisposable
{
    private ISecurityContext? _context;
    private bool _isDone;

    /// <summary>Who logged in; null before.</summary>
    public LabAccount? Account => _isDone ? _context?.Account : null;

    /// <summary>What seals the connection's messages; null before.</summary>
    public ISecurityContext? Context => _isDone ? _context : null;

    /// <summary>Takes a token; one that begins a conversation ends the login before it.</summary>
    /// <param name="token">What came.</param>
    /// <param name="begin">Makes a new conversation for a first token.</param>
    /// <param name="answer">What goes back; null for nothing.</param>
    public LoginStep Accept(byte[] token, Func<ISecurityContext?> begin, out byte[]? answer)
    {
        if (_context is null || _isDone || NtlmMessage.TypeOf(token) == 1)
        {
            Dispose();
            _context = begin();
        }
        answer = null;
        var step = _context?.Accept(token, out answer) ?? LoginStep.Refused;
        _isDone = step == LoginStep.Done;
        if (step == LoginStep.Refused) Dispose();
        return step;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _context?.Dispose();
        _context = null;
        _isDone = false;
    }
}
