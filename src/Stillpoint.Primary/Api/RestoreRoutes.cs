using System.Security.Claims;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Stillpoint.Catalog;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>Restores: a VM under a new name, or one disk as a file.</summary>
internal static class RestoreRoutes
{
    // Windows host paths: what is longer no host takes.
    private const int LongestPath = 1024;

    public static void Map(IEndpointRouteBuilder api)
    {
        var restores = api.MapGroup("/restores").WithTags("restores");
        restores.MapPost("/vm", Vm).RequireAuthorization(Roles.Operator);
        restores.MapPost("/rollback", Rollback).RequireAuthorization(Roles.Operator);
        restores.MapPost("/disk", Disk).RequireAuthorization(Roles.Operator);
    }

    private static async Task<IResult> Vm(VmRestore body, ClaimsPrincipal user, CatalogStore catalog, JobRequests requests, AuditLog audit)
    {
        if (body.Name is not { Length: > 0 and <= 100 } name || name.Any(char.IsControl) || name.Trim() != name)
            throw Refusal.Invalid("name", "The restored VM needs a name of 1 to 100 characters.", "Give one with --name.");
        if (body.Folder is not null) CheckPath("folder", body.Folder);
        if (body is { Folder: not null, Original: true })
            throw Refusal.Invalid("folder", "A restore to the original place takes no folder.", "Give --folder or --original, not both.");
        if (body.Network is { } network && (network.Switches is not { Count: <= 64 } switches
            || switches.Any(s => s.Key is not { Length: > 0 and <= 256 } || s.Value is not { Length: > 0 and <= 256 })))
            throw Refusal.Invalid("network", "Switches have names of 1 to 256 characters, and there are at most 64.", "Mend --network.");
        var image = await References.Image(catalog, body.Image);
        var job = await requests.Restore(
            JobKind.RestoreVm, image, body.Host ?? "", new RestoreRequest(NewName: name, Folder: body.Folder, Start: body.Start)
            {
                Original = body.Original, KeepId = body.KeepId, Network = body.Network,
            }, Roles.NameOf(user));
        await audit.Done(user, "restore.vm", image.Id.ToString(), $"{body.Host} {name}");
        return Results.Accepted($"/api/v1/jobs/{job.Id}", job);
    }

    private static async Task<IResult> Disk(DiskRestore body, ClaimsPrincipal user, CatalogStore catalog, JobRequests requests, AuditLog audit)
    {
        CheckPath("file", body.File);
        var image = await References.Image(catalog, body.Image);
        if (body.Disk is not { Length: > 0 } disk || !image.Disks.Any(d => string.Equals(d.Name, disk, StringComparison.OrdinalIgnoreCase))
            && !(int.TryParse(disk, out var number) && number >= 0 && number < image.Disks.Count))
        {
            throw Refusal.Invalid("disk", $"The image has no disk '{body.Disk}': it has {string.Join(", ", image.Disks.Select(d => d.Name))}.",
                "Name one of them, or give its number counted from 0.");
        }
        var job = await requests.Restore(
            JobKind.RestoreDisk, image, body.Host ?? "", new RestoreRequest(Disk: disk, Target: body.File), Roles.NameOf(user));
        await audit.Done(user, "restore.disk", image.Id.ToString(), $"{body.Host} {body.File}");
        return Results.Accepted($"/api/v1/jobs/{job.Id}", job);
    }

    private static async Task<IResult> Rollback(
        VmRollback body, ClaimsPrincipal user, CatalogStore catalog, JobRequests requests, AuditLog audit)
    {
        var image = await References.Image(catalog, body.Image);
        var host = body.Host ?? image.Host;
        var job = await requests.Restore(JobKind.Rollback, image, host, new RestoreRequest(Start: body.Start), Roles.NameOf(user));
        await audit.Done(user, "restore.rollback", image.Id.ToString(), $"{host} {image.Vm}");
        return Results.Accepted($"/api/v1/jobs/{job.Id}", job);
    }

    private static void CheckPath(string member, string? path)
    {
        if (path is not { Length: > 0 and <= LongestPath } || path.Any(char.IsControl) || path.Split('\\', '/').Contains(".."))
            throw Refusal.Invalid(member, "It must be an absolute path on the host, without '..'.", "Mend the path.");
    }

    internal sealed record VmRestore(
        string? Image, string? Host, string? Name, string? Folder, bool Start, bool Original = false, bool KeepId = false, NetworkMap? Network = null);

    internal sealed record VmRollback(string? Image, string? Host, bool Start);

    internal sealed record DiskRestore(string? Image, string? Host, string? Disk, string? File);
}
