using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Stillpoint.Lab;

/// <summary>The lab's own controls: what no host has. JSON in and out; what cannot be done is answered with status 400, 404 or 409 and
/// <c>{"error"}</c>.</summary>
internal static class ControlEndpoints
{
    /// <summary>Serves everything below <c>/lab</c>.</summary>
    public static void Map(IEndpointRouteBuilder routes, LabParts parts)
    {
        var lab = new LabControl(parts);
        Get(routes, "/lab/vms", _ => Task.FromResult<object>(lab.Machines()));
        Get(routes, "/lab/records", query => Task.FromResult<object>(lab.Records(query["vm"])));
        Get(routes, "/lab/faults", _ => Task.FromResult<object>(lab.Faults()));
        Post<WriteRequest>(routes, "/lab/write", async (r, cancel) => await lab.WriteAsync(r, cancel));
        Post<CompareRequest>(routes, "/lab/compare", (r, _) => Task.FromResult<object>(lab.Compare(r)));
        Post<FaultRequest>(routes, "/lab/fault", (r, _) => Task.FromResult(lab.Plan(r)));
        Post<ClearRequest>(routes, "/lab/clear-faults", (_, _) => Task.FromResult(lab.ClearFaults()));
        Post<ForeignRequest>(routes, "/lab/foreign", async (r, cancel) => await lab.ForeignAsync(r, cancel));
        Post<MachineRequest>(routes, "/lab/user-checkpoint", async (r, cancel) => await lab.UserCheckpointAsync(r, cancel));
        Post<RevertRequest>(routes, "/lab/revert", async (r, cancel) => await lab.RevertAsync(r, cancel));
        Post<MachineRequest>(routes, "/lab/disable-merging", (r, _) => Task.FromResult(lab.DisableMerging(r)));
        Post<OfflineRequest>(routes, "/lab/offline", async (r, cancel) => await lab.OfflineAsync(r, cancel));
        Post<StateRequest>(routes, "/lab/state", async (r, cancel) => await lab.StateAsync(r, cancel));
    }

    private static void Get(IEndpointRouteBuilder routes, string path, Func<IQueryCollection, Task<object>> answer) =>
        routes.MapGet(path, context => RunAsync(context, Ask(context.Request.Query, answer)));

    private static void Post<T>(IEndpointRouteBuilder routes, string path, Func<T, CancellationToken, Task<object>> answer) where T : class =>
        routes.MapPost(path, context => RunAsync(context, ReadThen(context.Request.Body, answer, context.RequestAborted)));

    private static Func<Task<object>> Ask(IQueryCollection query, Func<IQueryCollection, Task<object>> answer) => () => answer(query);

    private static Func<Task<object>> ReadThen<T>(Stream body, Func<T, CancellationToken, Task<object>> answer, CancellationToken cancel)
        where T : class => async () => await answer(await JsonSerializer.DeserializeAsync<T>(body, ControlJson.Options, cancel)
            ?? throw new JsonException("an object is expected"), cancel);

    private static async Task RunAsync(HttpContext context, Func<Task<object>> answer)
    {
        object body;
        try
        {
            body = await answer();
        }
        catch (Exception problem) when (problem is JsonException or ArgumentException)
        {
            (context.Response.StatusCode, body) = (StatusCodes.Status400BadRequest, new { error = problem.Message });
        }
        catch (Exception problem) when (problem is KeyNotFoundException or FileNotFoundException)
        {
            (context.Response.StatusCode, body) = (StatusCodes.Status404NotFound, new { error = problem.Message });
        }
        catch (Exception problem) when (problem is JobFailedException or IOException or VirtualDisks.DiskFormatException)
        {
            (context.Response.StatusCode, body) = (StatusCodes.Status409Conflict, new { error = problem.Message });
        }
        context.Response.ContentType = "application/json";
        await JsonSerializer.SerializeAsync(context.Response.Body, body, ControlJson.Options, context.RequestAborted);
    }
}
