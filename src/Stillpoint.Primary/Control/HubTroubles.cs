using Microsoft.AspNetCore.SignalR;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>Lets a peer read why its call failed; without this SignalR hides every error.</summary>
internal sealed class HubTroubles : IHubFilter
{
    public async ValueTask<object?> InvokeMethodAsync(HubInvocationContext invocationContext, Func<HubInvocationContext, ValueTask<object?>> next)
    {
        try
        {
            return await next(invocationContext);
        }
        catch (TroubleException e)
        {
            throw new HubException(e.Trouble.ToString(), e);
        }
        catch (Refusal e)
        {
            throw new HubException(e.Trouble.ToString(), e);
        }
    }
}
