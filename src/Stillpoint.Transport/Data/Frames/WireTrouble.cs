using System.Text.Json;
using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>A trouble in a frame: JSON.</summary>
internal static class WireTrouble
{
    internal static byte[] Write(Trouble trouble)
    {
        var text = JsonSerializer.SerializeToUtf8Bytes(trouble, Words.Json);
        if (text.Length > WireFormat.MaxTrouble)
        {
            text = JsonSerializer.SerializeToUtf8Bytes(trouble with { Message = trouble.Message[..1024], NextStep = "", Culprit = "media server" }, Words.Json);
        }
        return text;
    }

    internal static Trouble Read(ReadOnlySpan<byte> body)
    {
        try
        {
            if (JsonSerializer.Deserialize<Trouble>(body, Words.Json) is { Culprit: not null, Message: not null, NextStep: not null } trouble)
            {
                return trouble;
            }
        }
        catch (JsonException)
        {
            // Said below.
        }
        throw new WireException("a refusal cannot be read");
    }
}
