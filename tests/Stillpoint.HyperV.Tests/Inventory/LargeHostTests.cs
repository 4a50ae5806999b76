using System.Net;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Stillpoint.HyperV.Tests.Login;
using Stillpoint.Lab;

namespace Stillpoint.HyperV.Tests.Inventory;

/// <summary>A host of 1,000 VMs with two disks and an adapter each, one in ten with a checkpoint.</summary>
public sealed partial class LargeHostTests(LargeHost large) : IClassFixture<LargeHost>
{
    [Fact]
    public async Task A_thousand_vms_take_few_round_trips()
    {
        await using var tap = new Tap(new Uri(large.Lab.HttpAddress!, "/wsman"));
        await using var host = LoginLab.Open(new HyperVHostOptions(tap.Url, "Administrator", large.Password));

        var machines = await host.ListVirtualMachinesAsync(default);

        Assert.Equal(LargeHost.Machines, machines.Count);
        Assert.Equal(LargeHost.Machines * 2, machines.Sum(m => m.Disks.Count));
        Assert.Equal(LargeHost.Machines, machines.Sum(m => m.Adapters.Count));
        Assert.Equal(LargeHost.Machines / 10, machines.Sum(m => m.Checkpoints.Count));
        var last = machines.Single(m => m.Name == "vm-0999");
        Assert.Equal([@"C:\VMs\vm-0999\a.vhdx", @"C:\VMs\vm-0999\b.vhdx"], last.Disks.Select(d => d.Path));
        Assert.Equal(VirtualMachineState.Off, last.State);
        // Two to log in; five questions, each with one item in its first answer and the rest in pulls of half a megabyte.
        var trips = Posts().Count(tap.Sent);
        Assert.InRange(trips, 12, 20);
        TestContext.Current.TestOutputHelper?.WriteLine($"{trips} round trips, {tap.Received.Length} bytes");
    }

    [Fact]
    public async Task Each_page_fits_what_was_asked_for()
    {
        await using var tap = new Tap(new Uri(large.Lab.HttpAddress!, "/wsman"));
        await using var host = LoginLab.Open(new HyperVHostOptions(tap.Url, "Administrator", large.Password) { MaxEnvelopeBytes = 16_384 });
        Assert.Equal(LargeHost.Machines, (await host.ListVirtualMachinesAsync(default)).Count);
        var lengths = Lengths().Matches(tap.Received).Select(m => int.Parse(m.Groups[1].Value)).ToArray();
        Assert.True(lengths.Length > 100);
        Assert.All(lengths, l => Assert.InRange(l, 0, 16_384));
    }

    [GeneratedRegex("POST /wsman")]
    private static partial Regex Posts();

    [GeneratedRegex(@"charset=UTF-8;Length=(\d+)\r\n--Encrypted Boundary\r\n\tContent-Type: application/octet")]
    private static partial Regex Lengths();
}

/// <summary>The lab of that host. Its VMs are off and their files are not there: only what WS-Management tells of them counts.</summary>
public sealed class LargeHost : IAsyncLifetime
{
    public const int Machines = 1000;
    private readonly string _folder = Directory.CreateTempSubdirectory("stillpoint-large-").FullName;
    private readonly Random _random = new(20261124);

    internal LabServer Lab { get; private set; } = null!;

    internal string Password => File.ReadAllText(Path.Combine(_folder, "password")).Trim();

    public async ValueTask InitializeAsync()
    {
        new HostState(Path.Combine(_folder, "state.json")).Change(all => all.AddRange(Enumerable.Range(0, Machines).Select(Make)));
        using var random = RandomNumberGenerator.Create();
        Lab = await LabServer.StartAsync(new LabOptions
        {
            DataFolder = _folder,
            WithFixtures = false,
            Listen = new IPEndPoint(IPAddress.Loopback, 0),
            ListenHttp = new IPEndPoint(IPAddress.Loopback, 0),
            NewId = NewId,
            Random = random,
        });
    }

    public async ValueTask DisposeAsync()
    {
        await Lab.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private Machine Make(int number)
    {
        var settings = Settings($"vm-{number:0000}");
        return new Machine
        {
            Id = NewId(),
            Settings = settings,
            Created = DateTimeOffset.UnixEpoch,
            Checkpoints = number % 10 != 0 ? [] :
            [
                new(NewId(), Stillpoint.Lab.CheckpointKind.User, DateTimeOffset.UnixEpoch, 2, null, settings with { Name = "before the update" },
                    [null, null]),
            ],
        };
    }

    private MachineSettings Settings(string name)
    {
        var scsi = NewId();
        var folder = $@"C:\VMs\{name}";
        DiskSlot Slot(int location, string path) => new(scsi, 0, location, path, path, NewId());
        return new MachineSettings
        {
            Name = name,
            Generation = 2,
            ConfigurationRoot = folder,
            SnapshotRoot = folder,
            PagingRoot = folder,
            ConfigurationFile = $@"Virtual Machines\{NewId()}.vmcx",
            BiosId = NewId(),
            ScsiController = scsi,
            Disks = [Slot(0, $@"{folder}\a.vhdx"), Slot(1, $@"{folder}\b.vhdx")],
            Adapters = [new Adapter(NewId(), Services.SwitchPath, Enabled: true)],
            Guest = new GuestSettings(CanQuiesce: true, Seed: 1, [[], []]),
        };
    }

    private Guid NewId()
    {
        var bytes = new byte[16];
        lock (_random) _random.NextBytes(bytes);
        return new Guid(bytes);
    }
}
