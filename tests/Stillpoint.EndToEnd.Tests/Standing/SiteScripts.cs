using Stillpoint.Demo;
using Stillpoint.Model;

namespace Stillpoint.EndToEnd.Tests;

/// <summary>What the shared sites are begun with and spoken to by.</summary>
internal static class SiteScripts
{
    /// <summary>A raw disk of random bytes in <paramref name="root"/>.</summary>
    public static string RandomDisk(string root, string name, int size, int seed)
    {
        var bytes = new byte[size];
        new Random(seed).NextBytes(bytes);
        var path = Path.Combine(root, name + ".img");
        File.WriteAllBytes(path, bytes);
        return path;
    }

    /// <summary>Starts a lab with VMs over given disks beside its furnished ones: a new lab that is given disks has those VMs only, so it is made
    /// first and given them when it starts again. <paramref name="beside"/> is started at once with the second.</summary>
    public static async Task StartLabAsync(Site site, string[] machines, Func<Task> beside, CancellationToken cancel)
    {
        await site.StartLabAsync([], cancel);
        await site.StopAsync("lab");
        await Task.WhenAll(site.StartLabAsync([.. machines.SelectMany(m => new[] { "--vm", m })], cancel), beside());
    }

    /// <summary>Makes the token that scripts log in with, as a file in <paramref name="root"/>.</summary>
    public static async Task TokenAsync(Site site, string root, CancellationToken cancel)
    {
        var token = await site.Api.Post<IssuedToken>("tokens", new { name = "scripts" }, cancel);
        await File.WriteAllTextAsync(Path.Combine(root, "token"), token.Token, cancel);
    }

    /// <summary>The environment of a script that asks the site's primary server.</summary>
    public static Dictionary<string, string> Environment(Site site, string root) => new()
    {
        ["STILLPOINT_URL"] = site["primary"].Endpoint("api"),
        ["STILLPOINT_FINGERPRINT"] = site["primary"].Endpoint("fingerprint"),
        ["STILLPOINT_TOKEN_FILE"] = Path.Combine(root, "token"),
        ["STILLPOINT_CONFIG"] = Path.Combine(root, "config"),
    };
}
