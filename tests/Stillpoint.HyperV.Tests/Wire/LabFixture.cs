using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Stillpoint.HyperV.Tests.Schema;
using Stillpoint.Lab;

namespace Stillpoint.HyperV.Tests.Wire;

/// <summary>One lab for all tests over the wire, a client of it, and the lab's own controls.</summary>
public sealed class LabFixture : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("stillpoint-wire-").FullName;
    private LabServer? _lab;
    private HttpClient? _control;

    internal IHyperVHost Host { get; private set; } = null!;

    internal LocalHostFiles Files { get; private set; } = null!;

    internal HyperVHostOptions Options { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        using var random = RandomNumberGenerator.Create();
        _lab = await LabServer.StartAsync(new LabOptions
        {
            DataFolder = Path.Combine(_folder, "lab"),
            WithFixtures = false,
            Machines =
            [
                new("web", [Disk("web", 32)]), new("db", [Disk("system", 32), Disk("data", 48)]), new("legacy", [Disk("legacy", 32)]),
            ],
            Listen = new IPEndPoint(IPAddress.Loopback, 0),
            JobTime = TimeSpan.FromMilliseconds(20),
            MergeDelay = TimeSpan.FromMilliseconds(50),
            NewId = NewId,
            Random = random,
        });
        var password = File.ReadAllText(Path.Combine(_lab.DataFolder, "password")).Trim();
        var fingerprint = File.ReadAllText(Path.Combine(_lab.DataFolder, "certificate.sha256")).Trim();
        Options = new(new Uri(_lab.Address, "/wsman"), "Administrator", password, fingerprint);
        Host = Open(Options);
        Files = new LocalHostFiles([PathMapping.Parse(File.ReadAllText(Path.Combine(_lab.DataFolder, "path-map")).Trim())], NewId);
        var pin = new CertificatePin(fingerprint);
        var handler = new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = (_, shown, _, _) => pin.Accepts(shown) } };
        _control = new HttpClient(handler) { BaseAddress = _lab.Address };
        _control.DefaultRequestHeaders.Authorization = new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes("Administrator:" + password)));
    }

    public async ValueTask DisposeAsync()
    {
        _control?.Dispose();
        if (Host is not null) await Host.DisposeAsync();
        if (_lab is not null) await _lab.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>A client of the lab; what it uses that the published schema does not have fails the test.</summary>
    internal static IHyperVHost Open(HyperVHostOptions options) => HyperVHostFactory.Create(options, TimeProvider.System, NewId, new SchemaWitness());

    internal async Task<JsonNode> ControlAsync(string path, object request)
    {
        using var response = await _control!.PostAsJsonAsync("/lab/" + path, request);
        var answer = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, answer);
        return JsonNode.Parse(answer)!;
    }

    /// <summary>Plans a fault that must fire by the time it is disposed.</summary>
    internal async Task<IAsyncDisposable> FaultAsync(string name, string? vm = null)
    {
        await ControlAsync("fault", new { name, vm, count = 1 });
        return new Planned(_control!, name);
    }

    internal async Task<VirtualMachine> FindAsync(string name) =>
        (await Host.ListVirtualMachinesAsync(default)).Single(m => m.Name == name);

    /// <summary>Holds a file against the lab's record of a checkpoint's disk; the lab reads it.</summary>
    internal async Task<bool> IsIdenticalAsync(Checkpoint checkpoint, int disk, string hostPath)
    {
        var answer = await ControlAsync("compare", new { checkpointId = SettingsReader.Owner(checkpoint.Id), disk, hostPath });
        return answer["identical"]!.GetValue<bool>();
    }

    /// <summary>Waits until a VM has merged.</summary>
    internal async Task MergedAsync(Guid vm)
    {
        for (var i = 0; await Host.IsMergingAsync(vm, default); i++)
        {
            Assert.True(i < 600, "the merge does not end");
            await Task.Delay(50);
        }
    }

    /// <summary>A raw disk with data at its beginning and room behind it.</summary>
    private string Disk(string name, int mebibytes)
    {
        var path = Path.Combine(_folder, name + ".raw");
        var data = new byte[3 << 20];
        new Random(mebibytes).NextBytes(data);
        using var file = File.Create(path);
        file.Write(data);
        file.SetLength((long)mebibytes << 20);
        return path;
    }

    private static Guid NewId() => new(RandomNumberGenerator.GetBytes(16));

    private sealed class Planned(HttpClient control, string name) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            var faults = JsonNode.Parse(await control.GetStringAsync("/lab/faults"))!.AsArray();
            var mine = faults.Where(f => f!["name"]!.GetValue<string>() == name);
            Assert.All(mine, f => Assert.Equal(f!["count"]!.GetValue<int>(), f["fired"]!.GetValue<int>()));
        }
    }
}

[CollectionDefinition(nameof(LabCollection))]
public sealed class LabCollection : ICollectionFixture<LabFixture>;
