using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using Stillpoint.Lab;
using Stillpoint.VirtualDisks;
using static Stillpoint.HyperV.Tests.Lab.LabRig;

namespace Stillpoint.HyperV.Tests.Lab;

/// <summary>Disks of the user's, a lab's guests on a clock, and answers that do not fit one message.</summary>
public sealed class UserDiskTests(LabRig rig) : IClassFixture<LabRig>
{
    private const string Images = "Msvm_ImageManagementService";

    [Fact]
    public async Task A_users_vhdx_becomes_a_parent_and_is_never_written()
    {
        var file = Path.Combine(rig.Folder, "theirs.vhdx");
        using (var disk = VhdxDisk.Create(file, new VhdxCreateOptions { Length = 40 << 20, BlockSize = 1 << 20, NewId = rig.NextId }))
        {
            disk.Write(3 << 20, RandomBytes(1 << 20));
            disk.Flush();
        }
        var before = SHA256.HashData(await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken));
        var data = Path.Combine(rig.Folder, "user-lab");
        await using (var server = await StartAsync(data, [new UserMachine("theirs", [file])], TimeProvider.System))
        {
            using var http = Client(server);
            await PostAsync(http, server, "/lab/write", new { vm = "theirs", bytes = 2_000_000 });
            var checkpoint = await PostAsync(http, server, "/lab/user-checkpoint", new { vm = "theirs" });
            var chain = Directory.GetFiles(Path.Combine(data, "C", "VMs", "theirs", "Virtual Hard Disks"), "theirs.vhdx").Single();
            using (var disk = VirtualDisk.Open(chain, new DiskOpenOptions { ResolveParent = (child, locator) => Resolve(data, child, locator) }))
            {
                Assert.Equal(file, File.ResolveLinkTarget(disk.Parent!.Path, returnFinalTarget: true)!.FullName);
            }
            var verdict = await PostAsync(http, server, "/lab/compare", new
            {
                checkpointId = checkpoint.GetProperty("checkpointId").GetGuid(), disk = 0, hostPath = @"C:\VMs\theirs\Virtual Hard Disks\theirs.vhdx",
            });
            Assert.True(verdict.GetProperty("identical").GetBoolean(), verdict.ToString());
        }
        Assert.Equal(before, SHA256.HashData(await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken)));
    }

    [Fact]
    public async Task Guests_write_at_the_rate_that_was_asked_for()
    {
        var raw = Path.Combine(rig.Folder, "rate.raw");
        await File.WriteAllBytesAsync(raw, new byte[16 << 20], TestContext.Current.CancellationToken);
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch.AddYears(56));
        await using var server = await StartAsync(Path.Combine(rig.Folder, "rate-lab"), [new UserMachine("steady", [raw])], time, rate: 4096);
        var writes = Directory.GetFiles(Path.Combine(server.DataFolder, "record"), "current.writes", SearchOption.AllDirectories).Single();
        for (var second = 0; second < 200 && new FileInfo(writes).Length < 8; second++)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
        var runs = JsonSerializer.Deserialize<long[]>(await File.ReadAllTextAsync(writes, TestContext.Current.CancellationToken))!;
        Assert.NotEmpty(runs);
        Assert.All(runs.Chunk(2), run => Assert.InRange(run[0] + run[1], 1, 16 << 20));
    }

    [Fact]
    public async Task Change_lists_that_are_too_long_come_in_parts()
    {
        // 5,000 runs, as no guest would leave them on a disk this small: written into the tracking file, whose format is the lab's own.
        var created = await rig.ControlAsync("/lab/foreign", new { vm = "small", kind = "recovery-checkpoint" });
        var path = @"C:\VMs\small\Virtual Hard Disks\small.vhdx";
        var tracking = rig.Local(path) + ".rct";
        var last = JsonSerializer.Deserialize<JsonElement[]>(await File.ReadAllBytesAsync(tracking, TestContext.Current.CancellationToken))!.Single();
        const int count = 5000;
        var runs = Enumerable.Range(0, count).SelectMany(i => new[] { i * 4096L, 512L }).ToArray();
        await File.WriteAllBytesAsync(tracking, JsonSerializer.SerializeToUtf8Bytes(new object[]
        {
            new { Id = "rctX:old", Runs = runs }, new { Id = last.GetProperty("Id").GetString(), Runs = Array.Empty<long>() },
        }), TestContext.Current.CancellationToken);
        var service = Selectors(("CreationClassName", Images));
        // So many do not fit the usual envelope: a host says so, and a client must ask for less of the disk.
        Assert.Equal("w:EncodingLimit", await rig.FaultAsync($"{Prefix}{Images}/GetVirtualDiskChanges", Images,
            Input(Images, "GetVirtualDiskChanges", ("Path", path), ("LimitId", "rctX:old")), service));
        long offset = 0;
        var parts = 0;
        var found = 0;
        while (offset < DiskLength)
        {
            var input = Input(Images, "GetVirtualDiskChanges", ("Path", path), ("LimitId", "rctX:old"),
                ("ByteOffset", offset.ToString()), ("ByteLength", (DiskLength - offset).ToString()));
            var (status, envelope) = await rig.SoapAsync($"{Prefix}{Images}/GetVirtualDiskChanges", Images, input, service, size: 512_000);
            Assert.Equal(HttpStatusCode.OK, status);
            var answer = envelope.Element(S + "Body")!.Elements().Single();
            Assert.Equal("0", Value(answer, "ReturnValue"));
            offset += long.Parse(Value(answer, "ProcessedByteLength"));
            found += answer.Elements().Count(e => e.Name.LocalName == "ChangedByteOffsets" && e.Value.Length > 0);
            parts++;
        }
        Assert.Equal((2, count), (parts, found));
        await rig.InvokeAsync("Msvm_VirtualSystemSnapshotService", "DestroySnapshot",
            ("AffectedSnapshot", Reference("Msvm_VirtualSystemSettingData", ("InstanceID", (string)created["checkpointId"]!))));
    }

    [Fact]
    public async Task A_second_lab_over_the_same_folder_is_refused()
    {
        var refused = await Assert.ThrowsAsync<IOException>(() => StartAsync(rig.Server.DataFolder, [], TimeProvider.System));
        Assert.StartsWith("Another lab runs over", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a/b")]
    [InlineData("..")]
    [InlineData("")]
    public async Task A_name_that_is_no_folder_is_refused(string name)
    {
        var data = Path.Combine(rig.Folder, "refused-lab");
        await Assert.ThrowsAsync<ArgumentException>(() =>
            StartAsync(data, [new UserMachine(name, [Path.Combine(rig.Folder, "small.raw")])], TimeProvider.System));
    }

    private async Task<LabServer> StartAsync(string data, UserMachine[] machines, TimeProvider time, long rate = 0)
    {
        using var random = RandomNumberGenerator.Create();
        return await LabServer.StartAsync(new LabOptions
        {
            DataFolder = data, Listen = new IPEndPoint(IPAddress.Loopback, 0), Machines = machines, WithFixtures = false, WriteRate = rate,
            JobTime = TimeSpan.Zero, Time = time, NewId = rig.NextId, Random = random,
        });
    }

    private static HttpClient Client(LabServer server)
    {
        var handler = new HttpClientHandler
        {
            ServerCertificateCustomValidationCallback = (_, certificate, _, _) =>
                certificate!.GetCertHashString(HashAlgorithmName.SHA256) == server.Fingerprint,
        };
        var password = File.ReadAllText(Path.Combine(server.DataFolder, "password"));
        var http = new HttpClient(handler) { BaseAddress = server.Address };
        http.DefaultRequestHeaders.Add("Authorization", "Basic "
            + Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes("administrator:" + password)));
        return http;
    }

    private static async Task<JsonElement> PostAsync(HttpClient http, LabServer server, string path, object body)
    {
        using var content = new StringContent(JsonSerializer.Serialize(body), System.Text.Encoding.UTF8, "application/json");
        using var answer = await http.PostAsync(new Uri(server.Address, path), content);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, text);
        return JsonSerializer.Deserialize<JsonElement>(text);
    }

    private static string? Resolve(string data, string child, ParentLocator locator) =>
        ParentLocator.ResolveBeside(child, locator) ?? Path.Combine(data, "C", locator.AbsolutePath![7..].Replace('\\', '/'));

    private static byte[] RandomBytes(int count)
    {
        var bytes = new byte[count];
        new Random(5).NextBytes(bytes);
        return bytes;
    }
}
