using System.Net;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Stillpoint.Chunks;
using Stillpoint.Media;
using Stillpoint.Model;
using Stillpoint.Roles.Tests.Transport;
using Stillpoint.Transport;

namespace Stillpoint.Roles.Tests.Media;

/// <summary>A media server with real storage units, a real control connection and real clients.</summary>
public sealed class MediaServerTests : IAsyncLifetime
{
    private static readonly Guid s_vm = DataRig.Id(2);
    private readonly TemporaryFolder _folder = new();
    private readonly CertificateAuthority _authority;
    private readonly GrantSigner _signer;
    private readonly RoleIdentity _mediaIdentity;
    private readonly RoleIdentity _client;
    private readonly DomainKeys _keys = new(RandomNumberGenerator.GetBytes(DomainKeys.MasterSize));
    private readonly HubRecord _record;
    private HubServer? _primary;
    private MediaRole? _media;

    public MediaServerTests()
    {
        _authority = CertificateAuthority.LoadOrCreate(_folder.File("ca"), TimeProvider.System);
        _signer = GrantSigner.LoadOrCreate(_folder.File("grant.key"));
        _mediaIdentity = RoleIdentity.Issue(_authority, "media-1", PeerRoles.Media, TimeProvider.System);
        _client = RoleIdentity.Issue(_authority, "host-1", PeerRoles.Client, TimeProvider.System);
        _record = new HubRecord { GrantKey = _signer.PublicKey };
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _primary = await HubServer.StartAsync(_authority, _record);
        _media = await StartMediaAsync();
        while (!_media.IsConnected) await Task.Delay(10, Cancel);
    }

    public async ValueTask DisposeAsync()
    {
        if (_media is not null) await _media.DisposeAsync();
        if (_primary is not null) await _primary.DisposeAsync();
        _keys.Dispose();
        _client.Dispose();
        _mediaIdentity.Dispose();
        _signer.Dispose();
        _authority.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_disk_goes_in_by_a_grant_and_comes_back_by_another()
    {
        var hello = _record.Hellos.Single();
        Assert.Equal(("media-1", PeerRoles.Media, _media!.EndPoint.ToString()), (hello.Name, hello.Hello.Role, hello.Hello.DataAddress));
        await AttachAsync("unit-1", _folder.File("unit"));
        var disk = MemoryDisk.Random(5_000_000, 1);
        await BackUpAsync(disk, s_vm, image: 3);

        await using var reader = await OpenAsync(Grant(GrantKind.Restore, s_vm, 3));
        var image = Assert.Single(await reader.ListImagesAsync(Cancel));
        using var opener = new RecordOpener(_keys);
        var restored = new MemoryDisk(new byte[disk.Length]);
        await DiskDownload.RunAsync(reader, opener, image.Header.Streams[0], restored, null, Cancel);
        Assert.True(disk.Bytes.AsSpan().SequenceEqual(restored.Bytes));

        var listed = Assert.Single(await Primary().ListImages("unit-1"));
        Assert.Equal((DataRig.Id(3), s_vm, (string?)null), (listed.Id, listed.VmId, listed.Vm));
        Assert.Equal("sound", (await Primary().Verify("unit-1", DataRig.Id(3))).Result);
    }

    [Fact]
    public async Task Another_vms_images_are_neither_listed_nor_annotated()
    {
        await AttachAsync("unit-1", _folder.File("unit"));
        await BackUpAsync(MemoryDisk.Random(200_000, 1), s_vm, image: 3);
        await using var other = await OpenAsync(Grant(GrantKind.Backup, DataRig.Id(22), 5));
        Assert.Empty(await other.ListImagesAsync(Cancel));
        await Assert.ThrowsAsync<TroubleException>(() => other.PutNoteAsync(DataRig.Id(3), NoteKind.Suspect, Note(DataRig.Id(3)), Cancel));
        await using var wrong = await OpenAsync(Grant(GrantKind.Restore, DataRig.Id(22), 3));
        Assert.Empty(await wrong.ListImagesAsync(Cancel));
    }

    [Fact]
    public async Task A_grant_commits_once_even_over_two_sessions()
    {
        await AttachAsync("unit-1", _folder.File("unit"));
        await BackUpAsync(MemoryDisk.Random(200_000, 1), s_vm, image: 3);
        await Assert.ThrowsAsync<TroubleException>(() => BackUpAsync(MemoryDisk.Random(200_000, 2), s_vm, image: 3));
        Assert.Single(await Primary().ListImages("unit-1"));
    }

    [Fact]
    public async Task After_a_restart_units_and_grant_key_are_there_without_the_primary()
    {
        await AttachAsync("unit-1", _folder.File("unit"));
        await _primary!.DisposeAsync();
        await _media!.DisposeAsync();
        _media = await StartMediaAsync();
        await BackUpAsync(MemoryDisk.Random(300_000, 1), s_vm, image: 3);
        Assert.Contains(_media.EndPoint.ToString(), await File.ReadAllTextAsync(_folder.File("media/endpoints.json"), Cancel),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Attaching_is_idempotent_and_refuses_what_is_taken()
    {
        var first = await AttachAsync("unit-1", _folder.File("unit"));
        Assert.Equal(first with { FreeBytes = 0 }, await AttachAsync("unit-1", _folder.File("unit")) with { FreeBytes = 0 });
        await Refused(() => AttachAsync("unit-1", _folder.File("elsewhere")), "attached already, in");
        await Refused(() => AttachAsync("unit-2", _folder.File("unit")), "attached already, as 'unit-1'");
        Directory.CreateDirectory(_folder.File("full"));
        await File.WriteAllTextAsync(_folder.File("full/photo.jpg"), "not a unit", Cancel);
        await Refused(() => AttachAsync("unit-2", _folder.File("full")), "there is none");
        await Refused(() => AttachAsync("", _folder.File("x")), "1 to 64 printable");
        await Refused(() => Primary().ListImages("unit-9"), "no storage unit 'unit-9'");
        await Refused(() => Primary().Verify("unit-1", Guid.Empty), "holds no image");
    }

    [Fact]
    public async Task A_unit_whose_folder_vanishes_is_never_made_again_and_serves_when_it_is_back()
    {
        string unit = _folder.File("unit"), away = _folder.File("away");
        await AttachAsync("unit-1", unit);
        var disk = MemoryDisk.Random(300_000, 1);
        await BackUpAsync(disk, s_vm, image: 3);
        Directory.Move(unit, away);
        await Gone(() => BackUpAsync(disk, s_vm, image: 4));
        await Gone(() => Primary().ListImages("unit-1"));
        Assert.False(Directory.Exists(unit));

        // The same after a restart, where nobody has it open, and over the empty folder that a mount leaves.
        await _media!.DisposeAsync();
        _media = await StartMediaAsync();
        while (_record.Hellos.Count < 2) await Task.Delay(10, Cancel);
        Directory.CreateDirectory(unit);
        await Gone(() => BackUpAsync(disk, s_vm, image: 5));
        await Gone(() => AttachAsync("unit-1", unit));
        Assert.Empty(Directory.EnumerateFileSystemEntries(unit));

        Directory.Delete(unit);
        Directory.Move(away, unit);
        await BackUpAsync(disk, s_vm, image: 6);
        Assert.Equal(2, (await Primary().ListImages("unit-1")).Count);

        async Task Gone(Func<Task> call)
        {
            var trouble = (await Assert.ThrowsAsync<TroubleException>(call)).Trouble;
            Assert.Contains("no longer holds the unit: is its mount missing?", trouble.Message, StringComparison.Ordinal);
            Assert.Contains($"unit-1 ({unit})", trouble.Culprit, StringComparison.Ordinal);
            Assert.Contains("bring the folder back", trouble.NextStep, StringComparison.Ordinal);
            Assert.True(trouble.Retry);
        }
    }

    private async Task BackUpAsync(MemoryDisk disk, Guid vm, int image)
    {
        await using var writer = await OpenAsync(Grant(GrantKind.Backup, vm, image));
        using var random = RandomNumberGenerator.Create();
        using var session = new UploadSession(writer, _keys, random);
        var stream = await DiskUpload.RunAsync(session, DiskWork.Full(disk), null, Cancel);
        await writer.FlushAsync(Cancel);
        var header = new ImageHeader(DataRig.Id(image), _keys.Domain, vm, DataRig.Id(1), TimeProvider.System.GetUtcNow(), ImageType.Full,
            Consistency.Application, null, [stream]);
        var details = new ImageDetails("web-1", BackupMethod.Wmi, "HOST", null, null,
            [new DiskDetails("disk.vhdx", null, null, null, [], 512, disk.Data, null)], []);
        await writer.CommitAsync(header, ImageDetailsCodec.Seal(_keys, header, details, random), session.Totals, Cancel);
    }

    private SealedBlob Note(Guid image)
    {
        using var random = RandomNumberGenerator.Create();
        return NoteCodec.SealText(_keys, image, NoteKind.Suspect, "a write was missed", random);
    }

    private JobGrant Grant(GrantKind kind, Guid vm, int image) =>
        new(kind, DataRig.Id(1), "host-1", vm, DataRig.Id(image), _keys.Domain, "unit-1", TimeProvider.System.GetUtcNow().AddHours(1));

    private Task<DataClient> OpenAsync(JobGrant grant) => DataClient.OpenAsync(
        new DataAccess(_media!.EndPoint.ToString(), "unit-1", _signer.Sign(grant), new byte[32]), _client, new DataClientOptions(),
            TimeProvider.System,
        new Random(3), Cancel);

    private IMediaCalls Primary() => RoleProxies.Media(_primary!.Hub.Clients.Client(_record.Hellos.Last().Connection), "media-1", Cancel);

    private Task<StorageUnitInfo> AttachAsync(string name, string folder) => Primary().AttachUnit(name, folder, 64 << 10, 1);

    private Task<MediaRole> StartMediaAsync() => MediaRole.StartAsync(
        new MediaSettings(_folder.File("media"), _primary!.Address, new IPEndPoint(IPAddress.Loopback, 0)), _mediaIdentity,
        new MediaEnvironment(TimeProvider.System, Guid.NewGuid, new Random(5), NullLogger.Instance), Cancel);

    private static async Task Refused(Func<Task> call, string why) =>
        Assert.Contains(why, (await Assert.ThrowsAsync<TroubleException>(call)).Trouble.Message, StringComparison.Ordinal);
}
