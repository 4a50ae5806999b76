using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Stillpoint.Chunks;
using Stillpoint.Client;
using Stillpoint.HyperV;
using Stillpoint.Lab;
using Stillpoint.Model;
using Stillpoint.Storage;
using Stillpoint.Transport;

namespace Stillpoint.Roles.Tests.Host;

/// <summary>A lab, the client's jobs over the real WS-Management and a real storage unit; only the primary server is a recorder. What a
/// client does on a host is tried here in seconds.</summary>
internal sealed class HostRig : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("stillpoint-host-").FullName;
    private readonly RunningJobs _running = new();
    private readonly RandomNumberGenerator _random = RandomNumberGenerator.Create();
    private readonly byte[] _master = RandomNumberGenerator.GetBytes(32);
    private LabServer _lab = null!;
    private StorageUnit _unit = null!;
    private HttpClient _control = null!;
    private IntentLedger _intents = null!;
    private Outbox _outbox = null!;
    private ClientJobs _jobs = null!;

    public RecordingPrimary Primary { get; } = new();

    public IHyperVHost Host { get; private set; } = null!;

    public LocalHostFiles Files { get; private set; } = null!;

    public ClientServices Services { get; private set; } = null!;

    /// <summary>The client's side of the control connection.</summary>
    public IClientCalls Client => _jobs;

    /// <summary>The storage unit that the backups go to.</summary>
    public StorageUnit Unit => _unit;

    /// <summary>The keys of the backups' domain; the caller disposes of them.</summary>
    public DomainKeys Keys() => new(_master);

    /// <summary>Bytes of an ordinary disk: as many chunks as the tracking audit's sample, so that it looks at all of them.</summary>
    public const int DiskSize = 16 << 20;

    public static Task<HostRig> StartAsync(params UserMachine[] machines) => StartAsync(o => o, s => s, machines);

    public static async Task<HostRig> StartAsync(
        Func<LabOptions, LabOptions> lab, Func<ClientServices, ClientServices> services, params UserMachine[] machines)
    {
        var rig = new HostRig();
        try
        {
            await rig.OpenAsync(lab, services, machines);
            return rig;
        }
        catch
        {
            await rig.DisposeAsync();
            throw;
        }
    }

    /// <summary>A VM with one empty disk.</summary>
    public static UserMachine Vm(string name) => new(name, [new UserDisk(Size: DiskSize)]);

    public async ValueTask DisposeAsync()
    {
        await _running.StopAllAsync();
        if (_intents is not null) await _intents.DisposeAsync();
        _outbox?.Dispose();
        _control?.Dispose();
        if (Host is not null) await Host.DisposeAsync();
        if (_lab is not null) await _lab.DisposeAsync();
        if (_unit is not null) await _unit.DisposeAsync();
        _random.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    public async Task<VirtualMachine> VmAsync(string name) => (await Host.ListVirtualMachinesAsync(default)).Single(m => m.Name == name);

    /// <summary>One of the lab's own controls.</summary>
    public async Task<JsonNode> ControlAsync(string path, object request)
    {
        using var response = await _control.PostAsJsonAsync("/lab/" + path, request);
        var answer = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{path}: {answer}");
        return JsonNode.Parse(answer)!;
    }

    public async Task<JsonNode> ReadAsync(string path) => JsonNode.Parse(await _control.GetStringAsync("/lab/" + path))!;

    public Task WriteAsync(string vm, int seed = 1, int bytes = 1 << 20) => ControlAsync("write", new { vm, bytes, seed });

    public Task FaultAsync(string name, string? vm = null, int count = 1) => ControlAsync("fault", new { name, vm, count });

    /// <summary>Every planned fault came as often as it was asked for.</summary>
    public async Task AssertFaultsFiredAsync() => Assert.All(
        (await ReadAsync("faults")).AsArray(), f => Assert.True((int)f!["fired"]! == (int)f["count"]!, f.ToJsonString()));

    /// <summary>Waits until a VM has merged.</summary>
    public async Task MergedAsync(string name)
    {
        var vm = await VmAsync(name);
        for (var i = 0; await Host.IsMergingAsync(vm.Id, default); i++)
        {
            Assert.True(i < 600, "the merge does not end");
            await Task.Delay(20);
        }
    }

    /// <summary>An order as the primary server makes it.</summary>
    public async Task<BackupOrder> OrderAsync(string vm, ImageType type = ImageType.DifferentialIncremental) => new(
        NewId(), NewId(), (await VmAsync(vm)).Id, vm, "nightly", BackupMethod.Wmi, type, true, ConsistencyPolicy.Crash, GuestBackupType.Copy, true, 30, [], Data);

    /// <summary>Runs a backup to its report.</summary>
    public async Task<JobReport> BackupAsync(BackupOrder order)
    {
        await _jobs.RunBackup(order);
        return await Primary.EndOf(order.JobId);
    }

    /// <summary>A backup that must end well.</summary>
    public async Task<ImageSummary> BackupAsync(string vm, ImageType type = ImageType.DifferentialIncremental) =>
        Good(await BackupAsync(await OrderAsync(vm, type)));

    public static ImageSummary Good(JobReport report)
    {
        Assert.True(report.Image is not null && report.Trouble is null, $"{report.Outcome}: {report.Trouble} {string.Join(' ', report.Warnings)}");
        return report.Image;
    }

    /// <summary>Restores a disk of the newest image of a VM and has the lab hold it against its own record of that checkpoint.</summary>
    public async Task AssertRestoresAsync(ImageSummary image, int disk = 0)
    {
        var target = $@"C:\Restored\{image.Id:N}-{disk}.vhdx";
        var order = new RestoreDiskOrder(NewId(), image.Id, disk.ToString(), target, Data);
        await _jobs.RunRestoreDisk(order);
        var report = await Primary.EndOf(order.JobId);
        Assert.True(report.Outcome == JobOutcome.Ok, report.Trouble?.ToString());
        var record = (await ReadAsync($"records?vm={image.VmId}")).AsArray()[^1]!;
        var verdict = await ControlAsync("compare", new { checkpointId = (Guid)record["checkpointId"]!, disk, hostPath = target });
        Assert.True((bool)verdict["identical"]!, verdict.ToJsonString());
        Files.Delete(target);
    }

    /// <summary>The lab's record of the checkpoint of a VM's newest backup.</summary>
    public async Task<Guid> RecordAsync(Guid vm) => (Guid)(await ReadAsync($"records?vm={vm}")).AsArray()[^1]!["checkpointId"]!;

    /// <summary>The VM's own disks hold what a record says; the VM is off.</summary>
    public async Task AssertHoldsAsync(string vm, Guid record)
    {
        var disks = (await VmAsync(vm)).Disks;
        for (var i = 0; i < disks.Count; i++)
        {
            var verdict = await ControlAsync("compare", new { checkpointId = record, disk = i, hostPath = disks[i].Path });
            Assert.True((bool)verdict["identical"]!, $"disk {i}: {verdict.ToJsonString()}");
        }
    }

    /// <summary>Runs a rollback to its report.</summary>
    public async Task<JobReport> RollbackAsync(ImageSummary image, bool start = false)
    {
        var order = new RollbackOrder(NewId(), image.Id, image.VmId, image.Vm!, start, [], Data);
        await _jobs.RunRollback(order);
        return await Primary.EndOf(order.JobId);
    }

    /// <summary>Runs the restore of a VM to its report.</summary>
    public async Task<JobReport> RestoreAsync(ImageSummary image, Func<RestoreVmOrder, RestoreVmOrder> asked)
    {
        var order = asked(new RestoreVmOrder(NewId(), image.Id, "copy", null, false, [], Data));
        await _jobs.RunRestoreVm(order);
        return await Primary.EndOf(order.JobId);
    }

    public async Task StateAsync(string vm, string state)
    {
        if (state == "off") await MergedAsync(vm);
        await ControlAsync("state", new { vm, state });
    }

    public DataAccess Data => new("media.example:7845", "vault", [], _master);

    public Guid NewId() => new(RandomNumberGenerator.GetBytes(16));

    private async Task OpenAsync(Func<LabOptions, LabOptions> lab, Func<ClientServices, ClientServices> services, UserMachine[] machines)
    {
        _lab = await LabServer.StartAsync(lab(new LabOptions
        {
            DataFolder = Path.Combine(_folder, "lab"),
            Listen = new IPEndPoint(IPAddress.Loopback, 0),
            WithFixtures = false,
            Machines = machines,
            JobTime = TimeSpan.FromMilliseconds(4),
            MergeDelay = TimeSpan.FromMilliseconds(5),
            NewId = NewId,
            Random = _random,
        }));
        string Secret(string file) => File.ReadAllText(Path.Combine(_lab.DataFolder, file)).Trim();
        var options = new HyperVHostOptions(new Uri(_lab.Address, "/wsman"), "Administrator", Secret("password"), Secret("certificate.sha256"))
        {
            Authentication = HostAuthentication.Basic,
        };
        Host = HyperVHostFactory.Create(options, TimeProvider.System, NewId);
        Files = new LocalHostFiles([PathMapping.Parse(Secret("path-map"))], NewId);
        var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, shown, _, _) =>
            shown?.GetCertHashString(HashAlgorithmName.SHA256) == _lab.Fingerprint;
        _control = new HttpClient(handler) { BaseAddress = _lab.Address };
        _control.DefaultRequestHeaders.Authorization = new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes("Administrator:" + options.Password)));

        Directory.CreateDirectory(Path.Combine(_folder, "vault"));
        var environment = new UnitEnvironment(TimeProvider.System, NewId);
        _unit = await StorageUnit.CreateAsync(new LocalVolume(Path.Combine(_folder, "vault"), NewId), 64 << 10, 1, null, environment, default);
        using var keys = new DomainKeys(_master);
        var domain = keys.Domain;
        _intents = new IntentLedger(Path.Combine(_folder, "intents"), Primary, TimeProvider.System, NewId);
        Services = services(new ClientServices(
            Host, Files, Primary, async (_, stop) => await _unit.OpenWriterAsync(new WriterScope(domain), stop), _intents, _running.IsRunning,
            HostLimits.Default with { FreeShare = 0.0001, FreeBytes = 1 << 20 }, TimeSpan.FromSeconds(30), TimeProvider.System, NewId, _random));
        _outbox = new Outbox(Path.Combine(_folder, "outbox"));
        _jobs = new ClientJobs(Services, _outbox, _running, NullLogger.Instance);
    }
}
