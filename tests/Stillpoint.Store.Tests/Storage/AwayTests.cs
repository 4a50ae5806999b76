using Stillpoint.Chunks;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>A unit, or a part of it, goes away while it is open: a mount drops off, an older copy takes its place, a pack is lost.</summary>
public sealed class AwayTests
{
    private const string Message = "no longer holds the unit";
    private static readonly byte[] s_disk = Disks.Make(3 << 20, seed: 4, share: 1);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_folder_that_is_gone_is_told_never_made_again_and_works_when_it_is_back(bool mountPointStays)
    {
        await using var unit = await TestUnit.MakeAsync();
        var image = await unit.BackupAsync(s_disk);
        Assert.Equal(s_disk, await unit.RestoreAsync(image));
        var away = Leave(unit, mountPointStays);
        await GoneAsync(() => unit.Unit.OpenWriterAsync(new WriterScope(unit.Keys.Domain), default));
        await GoneAsync(() => unit.Unit.OpenReaderAsync(new ReaderScope(unit.Keys.Domain), default));
        await GoneAsync(() => unit.Unit.ListImagesAsync(default));
        await GoneAsync(() => unit.Unit.HeadAsync(default));
        await GoneAsync(() => StorageUnit.OpenInAsync(unit.Directory, unit.Environment with { Known = true }, default));
        ComeBack(unit, away, mountPointStays);
        Assert.Equal(0, (await unit.BackupAsync(s_disk)).Header.Streams[0].BytesSent);
        Assert.Equal(2, (await unit.Unit.ListImagesAsync(default)).Images.Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_folder_that_goes_during_a_session_ends_it_and_nothing_is_left_in_its_place(bool mountPointStays)
    {
        await using var unit = await TestUnit.MakeAsync();
        await unit.BackupAsync(s_disk);
        string? away = null;
        var changed = (byte[])s_disk.Clone();
        Disks.Fill(changed.AsSpan(0, Disks.Chunk * 4), new Random(9));
        await using (var writer = await unit.Unit.OpenWriterAsync(new WriterScope(unit.Keys.Domain), default))
        {
            using var session = new UploadSession(writer, unit.Keys, unit.Random);
            var stream = await DiskUpload.RunAsync(session, DiskWork.Full(new MemorySource(changed)), null, default);
            away = Leave(unit, mountPointStays);
            await GoneAsync(() => CommitAsync(unit, writer, session, stream));
        }
        ComeBack(unit, away, mountPointStays);
        Assert.Single((await unit.Unit.ListImagesAsync(default)).Images);
        Assert.Equal(changed, await unit.RestoreAsync(await unit.BackupAsync(changed)));
    }

    [Fact]
    public async Task A_folder_that_goes_after_all_is_stored_is_told_at_the_commit()
    {
        await using var unit = await TestUnit.MakeAsync();
        await unit.BackupAsync(s_disk);
        await using var writer = await unit.Unit.OpenWriterAsync(new WriterScope(unit.Keys.Domain), default);
        using var session = new UploadSession(writer, unit.Keys, unit.Random);
        var stream = await DiskUpload.RunAsync(session, DiskWork.Full(new MemorySource(s_disk)), null, default);
        await writer.FlushAsync(default);
        var away = Leave(unit, mountPointStays: true);
        await GoneAsync(() => CommitAsync(unit, writer, session, stream));
        ComeBack(unit, away, mountPointStays: true);
        Assert.Single((await unit.Unit.ListImagesAsync(default)).Images);
    }

    [Fact]
    public async Task Another_unit_in_its_place_is_told()
    {
        await using var unit = await TestUnit.MakeAsync(seed: 1);
        await using var other = await TestUnit.MakeAsync(seed: 2);
        var own = Path.Combine(unit.Directory, "unit.json");
        File.Copy(Path.Combine(other.Directory, "unit.json"), own, overwrite: true);
        var trouble = await GoneAsync(() => unit.Unit.OpenWriterAsync(new WriterScope(unit.Keys.Domain), default));
        Assert.Contains(other.Unit.Parameters.UnitId.ToString("D"), trouble.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_lay_in_a_pack_that_is_gone_is_sent_again()
    {
        await using var unit = await TestUnit.MakeAsync();
        await unit.BackupAsync(s_disk);
        Assert.Equal(0, (await unit.BackupAsync(s_disk)).Header.Streams[0].BytesSent);
        File.Delete(Packs(unit, "data").Single());
        var again = await unit.BackupAsync(s_disk);
        Assert.Equal(s_disk.Length, again.Header.Streams[0].BytesSent);
        Assert.Equal(s_disk, await unit.RestoreAsync(again));
        foreach (var pack in Packs(unit, "nodes")) File.Delete(pack);
        Assert.Equal(s_disk, await unit.RestoreAsync(await unit.BackupAsync(s_disk)));
    }

    [Fact]
    public async Task A_session_that_relied_on_a_pack_that_went_cannot_commit_and_the_next_one_can()
    {
        await using var unit = await TestUnit.MakeAsync();
        await unit.BackupAsync(s_disk);
        await using (var writer = await unit.Unit.OpenWriterAsync(new WriterScope(unit.Keys.Domain), default))
        {
            using var session = new UploadSession(writer, unit.Keys, unit.Random);
            var stream = await DiskUpload.RunAsync(session, DiskWork.Full(new MemorySource(s_disk)), null, default);
            File.Delete(Packs(unit, "data").Single());
            var thrown = await Assert.ThrowsAsync<TroubleException>(() => CommitAsync(unit, writer, session, stream));
            Assert.Contains("packs that were there", thrown.Trouble.Message, StringComparison.Ordinal);
            Assert.True(thrown.Trouble.Retry);
        }
        Assert.Equal(s_disk, await unit.RestoreAsync(await unit.BackupAsync(s_disk)));
    }

    [Fact]
    public async Task An_older_copy_of_the_unit_is_taken_for_what_it_is()
    {
        await using var unit = await TestUnit.MakeAsync();
        var first = await unit.BackupAsync(Disks.Make(1 << 20, seed: 5, share: 1));
        var copy = Directory.CreateTempSubdirectory("stillpoint-copy-").FullName;
        Copy(unit.Directory, copy);
        await unit.BackupAsync(s_disk);
        Directory.Delete(unit.Directory, recursive: true);
        Directory.Move(copy, unit.Directory);
        Assert.Equal(first.Header.Id, Assert.Single((await unit.Unit.ListImagesAsync(default)).Images).Header.Id);
        var again = await unit.BackupAsync(s_disk);
        Assert.Equal(s_disk.Length, again.Header.Streams[0].BytesSent);
        Assert.Equal(s_disk, await unit.RestoreAsync(again));
    }

    private static string[] Packs(TestUnit unit, string kind) =>
        Directory.GetFiles(Path.Combine(unit.Directory, "packs"), "*." + kind, SearchOption.AllDirectories);

    private static string Leave(TestUnit unit, bool mountPointStays)
    {
        var away = unit.Directory + ".away";
        Directory.Move(unit.Directory, away);
        if (mountPointStays) Directory.CreateDirectory(unit.Directory);
        return away;
    }

    private static void ComeBack(TestUnit unit, string away, bool mountPointStays)
    {
        if (mountPointStays) Assert.Empty(Directory.EnumerateFileSystemEntries(unit.Directory));
        Assert.Equal(mountPointStays, Directory.Exists(unit.Directory));
        if (mountPointStays) Directory.Delete(unit.Directory);
        Directory.Move(away, unit.Directory);
    }

    private static void Copy(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }

    private static async Task<Trouble> GoneAsync(Func<Task> call)
    {
        var trouble = (await Assert.ThrowsAsync<TroubleException>(call)).Trouble;
        Assert.Contains(Message, trouble.Message, StringComparison.Ordinal);
        Assert.Contains("storage unit", trouble.Culprit, StringComparison.Ordinal);
        Assert.Contains("bring the folder back", trouble.NextStep, StringComparison.Ordinal);
        Assert.True(trouble.Retry);
        return trouble;
    }

    private static Task<ImageReceipt> CommitAsync(TestUnit unit, IImageWriter writer, UploadSession session, StreamHeader stream)
    {
        var header = new ImageHeader(
            unit.NewId(), unit.Keys.Domain, unit.Vm, unit.NewId(), unit.Time.GetUtcNow(), ImageType.Full, Consistency.Off, null, [stream]);
        var details = ImageDetailsCodec.Seal(unit.Keys, header, TestUnit.Details("web", s_disk.Length), unit.Random);
        return writer.CommitAsync(header, details, session.Totals, default);
    }
}
