using System.Text.Json;
using Microsoft.AspNetCore.SignalR;
using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>A call to a connected role, by the primary.</summary>
/// <param name="connection">The role's connection.</param>
/// <param name="kind">Which role it is, as it calls itself in its troubles.</param>
/// <param name="name">Its name.</param>
/// <param name="heard">Told of each part of a long answer.</param>
/// <param name="cancel">Ends the waiting.</param>
internal sealed class RoleCall(ISingleClientProxy connection, string kind, string name, Action? heard, CancellationToken cancel)
{
    /// <summary>Name of the call that reads a part of a long answer: its id, the offset in bytes.</summary>
    internal const string ReadAnswer = nameof(ReadAnswer);

    private string Culprit => $"{kind} {name}";

    /// <summary>Calls, and waits for the whole answer.</summary>
    /// <exception cref="TroubleException">The role refused, did not succeed, or its answer is none.</exception>
    internal async Task<T> Invoke<T>(string method, params object?[] arguments)
    {
        var answer = await Ask<JsonElement>(method, method, arguments);
        try
        {
            if (answer.ValueKind != JsonValueKind.Object || !answer.TryGetProperty(JsonNamingPolicy.CamelCase.ConvertName(nameof(AnswerInParts.ReadInParts)), out _))
                return answer.Deserialize<T>(Words.Json)!;
            var parts = answer.Deserialize<AnswerInParts>(Words.Json)?.ReadInParts;
            return JsonSerializer.Deserialize<T>((await Whole(method, parts)).Span, Words.Json)!;
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or InvalidOperationException)
        {
            throw Odd(method, "is not what was asked for", e);
        }
    }

    private async Task<ReadOnlyMemory<byte>> Whole(string method, PartedAnswer? parts)
    {
        if (parts is not { Length: > LongAnswers.Part and <= LongAnswers.Most }) throw Odd(method, "is out of bounds");
        // Grows by what came, not by what was said to come.
        var whole = new MemoryStream();
        while (whole.Length < parts.Length)
        {
            heard?.Invoke();
            var part = await Ask<byte[]?>(method, ReadAnswer, parts.Id, whole.Length);
            if (part is null || part.Length != Math.Min(LongAnswers.Part, parts.Length - whole.Length)) throw Odd(method, "came in parts that do not fit");
            whole.Write(part);
        }
        return whole.GetBuffer().AsMemory(0, (int)whole.Length);
    }

    private async Task<T> Ask<T>(string call, string method, params object?[] arguments)
    {
        try
        {
            return await connection.InvokeCoreAsync<T>(method, arguments, cancel);
        }
        catch (HubException e) when (TroubleWire.TryRead(e, out var trouble))
        {
            // Of itself it says no more than what it is; which one it is, is known here.
            throw new TroubleException(trouble.Culprit == kind ? trouble with { Culprit = Culprit } : trouble, e);
        }
        catch (Exception e) when (e is HubException or IOException)
        {
            throw new TroubleException(Culprit, $"The call {call} did not succeed: {e.Message}", "Look at its log.", true, e);
        }
    }

    private TroubleException Odd(string method, string what, Exception? inner = null) => new(
        Culprit, $"Its answer to {method} {what}.", "Bring primary server and role to the same version; look at its log.", inner: inner);
}
