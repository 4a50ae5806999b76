using System.Text.Json;
using Microsoft.AspNetCore.SignalR;
using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>A <see cref="Trouble"/> as the message of a <see cref="HubException"/>, the one kind of error that SignalR hands through.</summary>
public static class TroubleWire
{
    private const string Mark = "trouble:";

    /// <summary>The exception to throw on the side that was called.</summary>
    public static HubException Write(Trouble trouble) => new(Mark + JsonSerializer.Serialize(trouble, Words.Json));

    /// <summary>The trouble in an exception on the side that called; false when it holds none.</summary>
    public static bool TryRead(Exception exception, out Trouble trouble)
    {
        ArgumentNullException.ThrowIfNull(exception);
        trouble = null!;
        var start = exception.Message.IndexOf(Mark, StringComparison.Ordinal);
        if (exception is not HubException || start < 0) return false;
        try
        {
            var read = JsonSerializer.Deserialize<Trouble>(exception.Message.AsSpan(start + Mark.Length), Words.Json);
            if (read is not { Culprit: not null, Message: not null, NextStep: not null }) return false;
            trouble = read;
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}

/// <summary>Turns the troubles of hub methods into what SignalR hands through.</summary>
internal sealed class TroubleHubFilter : IHubFilter
{
    public async ValueTask<object?> InvokeMethodAsync(HubInvocationContext invocation, Func<HubInvocationContext, ValueTask<object?>> next)
    {
        try
        {
            return await next(invocation);
        }
        catch (TroubleException e)
        {
            throw TroubleWire.Write(e.Trouble);
        }
    }
}
