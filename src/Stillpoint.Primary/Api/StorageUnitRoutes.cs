using System.Numerics;
using System.Security.Claims;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Stillpoint.Catalog;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Primary;

/// <summary>Storage units, and the media servers that serve them.</summary>
internal static class StorageUnitRoutes
{
    public static void Map(IEndpointRouteBuilder api)
    {
        var units = api.MapGroup("/storage-units").WithTags("storage");
        units.MapGet("", List).RequireAuthorization(Roles.Viewer);
        units.MapGet("/{name}", Show).RequireAuthorization(Roles.Viewer);
        units.MapPost("", Create).RequireAuthorization(Roles.Admin);
        units.MapPost("/{name}/rebuild", Rebuild).RequireAuthorization(Roles.Admin)
            .WithSummary("Lists every image of the unit, also those whose jobs and hosts this catalog does not know.");
        units.MapPost("/{name}/attach", AttachPrimary).RequireAuthorization(Roles.Admin)
            .WithSummary("Ties the unit to this server: it then deletes only by plans that this server signed.");
        units.MapPost("/{name}/detach", DetachPrimary).RequireAuthorization(Roles.Admin);
        units.MapPost("/{name}/prune", Prune).RequireAuthorization(Roles.Admin)
            .WithSummary("Gives up images that a policy does not keep, by a plan that this server signs.");
        units.MapGet("/{name}/collect-plan", (string name, UnitDeletions deletions, CancellationToken cancel) => deletions.PlanCollect(name, cancel))
            .RequireAuthorization(Roles.Admin).WithSummary("A signed plan, for store collect --plan.");
        units.MapGet("/{name}/collect", (string name, UnitDeletions deletions, CancellationToken cancel) => deletions.State(name, cancel))
            .RequireAuthorization(Roles.Viewer).WithSummary("How the last collect stands.");
        units.MapPost("/{name}/collect", Collect).RequireAuthorization(Roles.Admin).WithSummary("Begins a collect at the media server.");
        api.MapGet("/media-servers", MediaServers).RequireAuthorization(Roles.Viewer).WithTags("storage");
    }

    private static async Task<Page<StorageUnitView>> List(CatalogStore catalog, Connections connections, int? limit, string? after) =>
        Paging.ByName((await catalog.StorageUnits.List()).Select(u => View(u, connections)), u => u.Unit.Name, limit, after);

    private static async Task<StorageUnitView> Show(string name, CatalogStore catalog, Connections connections) =>
        View(await catalog.StorageUnits.Find(name) ?? throw Refusal.NotFound("storage-unit", name), connections);

    private static async Task<Page<MediaServerRecord>> MediaServers(CatalogStore catalog, int? limit, string? after) =>
        Paging.ByName(await catalog.MediaServers.List(), m => m.Name, limit, after);

    private static async Task<RebuildReport> Rebuild(string name, ClaimsPrincipal user, ImageRebuild rebuild, AuditLog audit, CancellationToken cancel)
    {
        var report = await rebuild.Run(name, cancel);
        await audit.Done(user, "storage-unit.rebuild", name, $"{report.Listed} images listed");
        return report;
    }

    private static async Task<StorageUnitView> AttachPrimary(
        string name, ClaimsPrincipal user, UnitDeletions deletions, Connections connections, AuditLog audit, CancellationToken cancel)
    {
        var unit = await deletions.Attach(name, cancel);
        await audit.Done(user, "storage-unit.attach", name);
        return View(unit, connections);
    }

    private static async Task<StorageUnitView> DetachPrimary(
        string name, ClaimsPrincipal user, UnitDeletions deletions, Connections connections, AuditLog audit, CancellationToken cancel)
    {
        var unit = await deletions.Detach(name, cancel);
        await audit.Done(user, "storage-unit.detach", name);
        return View(unit, connections);
    }

    private static async Task<PruneOutcome> Prune(
        string name, PruneRequest body, ClaimsPrincipal user, UnitDeletions deletions, AuditLog audit, CancellationToken cancel)
    {
        if (body.Policy is null) throw Refusal.Invalid("policy", "It must be given.", "Mend the request.");
        var outcome = await deletions.Prune(name, body, cancel);
        if (outcome.Expired is { } gone) await audit.Done(user, "storage-unit.prune", name, $"{gone.Count} images given up");
        return outcome;
    }

    private static async Task<IResult> Collect(string name, ClaimsPrincipal user, UnitDeletions deletions, AuditLog audit, CancellationToken cancel)
    {
        var state = await deletions.Collect(name, cancel);
        await audit.Done(user, "storage-unit.collect", name);
        return Results.Accepted($"/api/v1/storage-units/{name}/collect", state);
    }

    private static async Task<IResult> Create(
        StorageUnitRequest body, ClaimsPrincipal user, CatalogStore catalog, Connections connections, AuditLog audit, TimeProvider time)
    {
        var findings = Findings(body);
        if (findings.Count > 0) throw Refusal.Invalid("storage-unit", findings);
        if (await catalog.StorageUnits.Find(body.Name) is not null) throw Taken(body.Name);
        var server = await Server(body.MediaServer, catalog);
        if (connections.Media(server) is not { } media)
        {
            throw Refusal.Unavailable($"media server {server}", "It is not connected.",
                "Look whether its service runs and reaches the primary server.");
        }
        var unit = await Attach(media, body, time.GetUtcNow(), connections);
        if (!await catalog.StorageUnits.Add(unit)) throw Taken(body.Name);
        await audit.Done(user, "storage-unit.create", body.Name, $"{server} {body.Folder}");
        return Results.Created($"/api/v1/storage-units/{body.Name}", View(unit, connections));
    }

    private static async Task<StorageUnitRecord> Attach(Connection media, StorageUnitRequest body, DateTimeOffset now, Connections connections)
    {
        try
        {
            var info = await connections.Ask(
                media, (IMediaCalls calls) => calls.AttachUnit(body.Name, body.Folder, body.ChunkSize, body.CompressionLevel));
            return new StorageUnitRecord
            {
                Name = body.Name,
                UnitId = info.UnitId,
                MediaServer = media.Name,
                Folder = body.Folder,
                ChunkSize = info.ChunkSize,
                CompressionLevel = body.CompressionLevel,
                FreeBytes = info.FreeBytes,
                Created = now,
            };
        }
        catch (TroubleException e)
        {
            throw new TroubleException(e.Trouble with
            {
                Message = $"Media server {media.Name} could not make the storage unit in {body.Folder}: {e.Trouble.Message}",
            }, e);
        }
    }

    private static async Task<string> Server(string? wanted, CatalogStore catalog)
    {
        var servers = await catalog.MediaServers.List();
        if (wanted is not null) return servers.FirstOrDefault(s => s.Name == wanted)?.Name
            ?? throw Refusal.NotFound("media server", wanted, listedBy: "storage-unit");
        return servers.Count == 1
            ? servers[0].Name
            : throw Refusal.Invalid("mediaServer", $"There are {servers.Count} media servers.", "Name one of them.");
    }

    private static List<string> Findings(StorageUnitRequest body)
    {
        List<string> found = [];
        if (!Names.AreSound(body.Name)) found.Add($"name: must be {Names.Rule}.");
        if (body.Folder is not { Length: > 0 and <= 1024 } || body.Folder.Any(char.IsControl))
            found.Add("folder: name an absolute folder on the media server.");
        // The media server may run on another system than this one: what counts as absolute on either is let through, for it to judge.
        else if (!IsAbsolute(body.Folder))
            found.Add($"folder: '{body.Folder}' is not absolute, and the media server may run anywhere: name it from the root, as /srv/vault.");
        if (body.ChunkSize is < 4096 or > 4 * 1024 * 1024 || !BitOperations.IsPow2(body.ChunkSize))
            found.Add("chunkSize: must be a power of two from 4 KiB to 4 MiB.");
        if (body.CompressionLevel is < 1 or > 19) found.Add("compressionLevel: must be from 1 to 19.");
        return found;
    }

    private static bool IsAbsolute(string folder) => folder[0] is '/' or '\\' || folder.Contains("://", StringComparison.Ordinal)
        || (folder.Length > 2 && char.IsAsciiLetter(folder[0]) && folder[1] == ':' && folder[2] is '/' or '\\');

    private static StorageUnitView View(StorageUnitRecord unit, Connections connections) =>
        new(unit, connections.Media(unit.MediaServer) is not null);

    private static Refusal Taken(string name) => Refusal.Conflict($"storage unit {name}", "There is one of that name.", "Give another name.");
}
