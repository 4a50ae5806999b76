namespace Stillpoint.Lab;

/// <summary>A conversation that logs a connection in, and then seals what goes over it.</summary>
internal interface ISecurityContext : IDisposable
{
    /// <summary>Takes the client's next token.</summary>
    /// <param name="token">What came.</param>
    /// <param name="answer">What goes back; null for nothing.</param>
    LoginStep Accept(ReadOnlySpan<byte> token, out byte[]? answer);

    /// <summary>Who it is, once it is <see cref="LoginStep.Done"/>.</summary>
    LabAccount? Account { get; }

    /// <summary>Opens a message: the seal's header and the sealed bytes, one behind the other. Null when the seal is broken.</summary>
    byte[]? Open(ReadOnlySpan<byte> sealedMessage, int headerLength);

    /// <summary>Seals a message.</summary>
    (byte[] Header, byte[] Data) Seal(ReadOnlySpan<byte> message);
}

/// <summary>Where a conversation stands.</summary>
internal enum LoginStep
{
    Refused,
    GoOn,
    Done,
}
