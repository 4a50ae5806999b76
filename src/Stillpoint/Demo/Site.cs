using Stillpoint.Cli;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Demo;

/// <summary>
/// A whole site on this machine as production has it: a lab in the host's place, primary, media server and client as processes of their own,
/// joined by one-time tokens. The demo runs on it, and so do the end-to-end tests, which also kill and restart its parts.
/// </summary>
internal sealed class Site : IAsyncDisposable
{
    /// <summary>Name that the client joins under.</summary>
    public const string HostName = "hv1";

    /// <summary>Name that the media server joins under.</summary>
    public const string MediaName = "media1";

    /// <summary>Name of the storage unit.</summary>
    public const string UnitName = "vault";

    private readonly Dictionary<string, RoleProcess> _roles = [];
    private readonly string _root;
    private string _primaryListen = "127.0.0.1:0";
    private string _mediaListen = "127.0.0.1:0";
    private string _labListen = "127.0.0.1:0";
    private ApiClient? _api;
    private LabClient? _lab;

    private Site(string root) => _root = root;

    /// <summary>The folder that holds all of it.</summary>
    public string Root => _root;

    /// <summary>The storage unit's folder.</summary>
    public string UnitFolder => Path.Combine(_root, "vault");

    /// <summary>The key file of the host's key domain, as the primary keeps it.</summary>
    public string KeyFile => Directory.GetFiles(Path.Combine(_root, "primary", "keys"), HostName + ".key").Single();

    /// <summary>The REST interface, signed in as admin.</summary>
    public ApiClient Api => _api ?? throw new InvalidOperationException("the primary has not been started");

    /// <summary>The lab's controls.</summary>
    public LabClient Lab => _lab ?? throw new InvalidOperationException("the lab has not been started");

    /// <summary>File with the password that the client logs in to the host with; null for the right one.</summary>
    public string? HostPasswordFile { get; set; }

    /// <summary>The running roles.</summary>
    public IReadOnlyCollection<RoleProcess> Roles => _roles.Values;

    /// <summary>One role.</summary>
    public RoleProcess this[string role] => _roles[role];

    /// <summary>A site in a folder; nothing runs yet.</summary>
    public static Site In(string root)
    {
        Directory.CreateDirectory(root);
        return new Site(root);
    }

    /// <summary>Starts everything and creates the storage unit.</summary>
    public async Task StartAsync(IReadOnlyList<string> labArguments, CancellationToken cancel)
    {
        await Task.WhenAll(StartLabAsync(labArguments, cancel), StartPrimaryAsync(null, cancel));
        await Task.WhenAll(StartMediaAsync(null, cancel), StartClientAsync(null, cancel));
        await CreateUnitAsync(cancel);
    }

    /// <summary>Starts the lab, or starts it again where it was.</summary>
    public async Task StartLabAsync(IReadOnlyList<string> arguments, CancellationToken cancel)
    {
        var role = await StartAsync("lab", ["--listen", _labListen, .. arguments], null, cancel);
        _lab?.Dispose();
        _lab = new LabClient(role.Data);
        _labListen = new Uri(role.Endpoint("wsman")).Authority;
    }

    /// <summary>Starts the primary, or starts it again on the same port with what it kept.</summary>
    public async Task StartPrimaryAsync(IReadOnlyDictionary<string, string>? environment, CancellationToken cancel)
    {
        var role = await StartAsync("primary", ["--listen", _primaryListen], environment, cancel);
        var address = new Uri(role.Endpoint("api"));
        _primaryListen = address.Authority;
        if (_api is null) _api = await SignInAsync(role, address, cancel);
    }

    /// <summary>Starts the media server; the first time it joins.</summary>
    public async Task StartMediaAsync(IReadOnlyDictionary<string, string>? environment, CancellationToken cancel)
    {
        var role = await StartAsync(
            "media", [.. await JoinAsync("media", MediaName, cancel), "--listen", _mediaListen], environment, cancel);
        _mediaListen = role.Endpoint("data");
    }

    /// <summary>Starts the client; the first time it joins.</summary>
    public async Task StartClientAsync(IReadOnlyDictionary<string, string>? environment, CancellationToken cancel)
    {
        var lab = _roles["lab"];
        await StartAsync(
            "client",
            [
                .. await JoinAsync("client", HostName, cancel),
                "--hyperv", lab.Endpoint("wsman"),
                "--hyperv-password-file", HostPasswordFile ?? Path.Combine(lab.Data, "password"),
                "--hyperv-fingerprint", (await File.ReadAllTextAsync(Path.Combine(lab.Data, "certificate.sha256"), cancel)).Trim(),
                "--path-map", (await File.ReadAllTextAsync(Path.Combine(lab.Data, "path-map"), cancel)).Trim(),
                // A demonstration may run on a nearly full machine.
                "--keep-free", "1",
            ],
            environment,
            cancel);
    }

    /// <summary>Creates the storage unit once the media server is connected.</summary>
    public Task CreateUnitAsync(CancellationToken cancel) => WithinAsync(
        () => Api.Post<StorageUnitView>("storage-units", new StorageUnitRequest(UnitName, MediaName, UnitFolder), cancel), cancel);

    /// <summary>Waits until the primary has seen the client's VMs.</summary>
    public Task<IReadOnlyList<VmView>> VmsAsync(CancellationToken cancel) => WithinAsync(
        async () => await Api.List<VmView>("vms", cancel) is { Count: > 0 } vms
            ? vms
            : throw new CommandFailedException(ExitCodes.Failed, "the client has told no VM yet."),
        cancel);

    /// <summary>Runs a policy and waits for its jobs.</summary>
    public async Task<IReadOnlyList<JobView>> RunAsync(string policy, string schedule, string? vm, CancellationToken cancel)
    {
        var jobs = await Api.Post<Page<Job>>($"policies/{policy}/runs", new { schedule, vm }, cancel);
        return await FollowAsync(jobs.Items, cancel);
    }

    /// <summary>Waits for jobs and shows them meanwhile.</summary>
    public Task<IReadOnlyList<JobView>> FollowAsync(IReadOnlyList<Job> jobs, CancellationToken cancel) =>
        new JobWatcher(Api, TimeProvider.System).Until(jobs, cancel);

    /// <summary>Stops a role as a service manager would.</summary>
    public async Task StopAsync(string role)
    {
        if (_roles.Remove(role, out var process)) await process.DisposeAsync();
    }

    /// <summary>Takes the catalog away, as when its disk is lost: the authority and the keys are there, people, hosts, jobs and images are not. The
    /// roles join again.</summary>
    public async Task LoseCatalogAsync(IReadOnlyDictionary<string, string>? environment, CancellationToken cancel)
    {
        foreach (var role in (string[])["client", "media", "primary"]) await StopAsync(role);
        foreach (var file in Directory.GetFiles(Path.Combine(_root, "primary"), "catalog.db*")) File.Delete(file);
        foreach (var role in (string[])["client", "media"]) RoleIdentity.Forget(Path.Combine(_root, role));
        _api?.Dispose();
        _api = null;
        await StartPrimaryAsync(environment, cancel);
        await Task.WhenAll(StartMediaAsync(null, cancel), StartClientAsync(null, cancel));
    }

    /// <summary>Kills a role at once.</summary>
    public async Task KillAsync(string role)
    {
        await _roles[role].KillAsync();
        await StopAsync(role);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _api?.Dispose();
        _lab?.Dispose();
        // Roles before the servers that they talk to.
        foreach (var role in (string[])["client", "media", "primary", "lab"]) await StopAsync(role);
    }

    private async Task<RoleProcess> StartAsync(
        string role, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment, CancellationToken cancel)
    {
        await StopAsync(role);
        return _roles[role] = await RoleProcess.StartAsync(role, Path.Combine(_root, role), arguments, environment, cancel);
    }

    private async Task<IReadOnlyList<string>> JoinAsync(string role, string name, CancellationToken cancel)
    {
        var data = Path.Combine(_root, role);
        string[] common = ["--primary", _roles["primary"].Endpoint("api"), "--name", name];
        if (RoleIdentity.Exists(data)) return common;
        var token = await Api.Post<JoinToken>("join-tokens", new { @for = role == "client" ? "host" : role, name }, cancel);
        var file = Path.Combine(_root, role + ".join-token");
        await File.WriteAllTextAsync(file, token.Token, cancel);
        return [.. common, "--join-token-file", file, "--fingerprint", token.Fingerprint];
    }

    private static async Task<ApiClient> SignInAsync(RoleProcess primary, Uri address, CancellationToken cancel)
    {
        var pin = new AuthorityPin(primary.Endpoint("fingerprint"), TimeProvider.System);
        var password = (await File.ReadAllTextAsync(Path.Combine(primary.Data, "first-password"), cancel)).Trim();
        using var stranger = new ApiClient(address, pin, token: null);
        var session = await stranger.Post<IssuedToken>("sessions", new { user = "admin", password }, cancel);
        return new ApiClient(address, pin, session.Token);
    }

    /// <summary>Tries until it succeeds; roles that were just started need a moment to be connected.</summary>
    private static async Task<T> WithinAsync<T>(Func<Task<T>> attempt, CancellationToken cancel)
    {
        for (var tries = 100; ; tries--)
        {
            try
            {
                return await attempt();
            }
            catch (Exception failure) when (failure is CommandFailedException or TroubleException && tries > 0)
            {
                await Task.Delay(100, cancel);
            }
        }
    }
}
