using Stillpoint.Chunks;
using Stillpoint.Extents;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>What a commit refuses, and that a session without one leaves nothing.</summary>
public sealed class CommitTests
{
    private static readonly byte[] s_disk = Disks.Make(3 << 20, seed: 4, share: 1);

    [Fact]
    public async Task A_session_that_ends_without_a_commit_shows_nothing_and_its_chunks_serve_the_next()
    {
        await using var unit = await TestUnit.MakeAsync();
        await using (var writer = await unit.Unit.OpenWriterAsync(new WriterScope(unit.Keys.Domain), default))
        {
            using var session = new UploadSession(writer, unit.Keys, unit.Random);
            await DiskUpload.RunAsync(session, DiskWork.Full(new MemorySource(s_disk)), null, default);
            await writer.FlushAsync(default);
        }
        await unit.ReopenAsync();
        Assert.Empty((await unit.Unit.ListImagesAsync(default)).Images);
        var image = await unit.BackupAsync(s_disk);
        Assert.Equal(0, image.Header.Streams[0].BytesSent);
        Assert.Equal(s_disk, await unit.RestoreAsync(image));
    }

    [Fact]
    public async Task Totals_that_differ_are_refused()
    {
        await using var unit = await TestUnit.MakeAsync();
        var trouble = await RefusedAsync(unit, new WriterScope(unit.Keys.Domain), (h, t) => (h, t with { Records = t.Records + 1 }));
        Assert.Contains("records", trouble.Message, StringComparison.Ordinal);
        await RefusedAsync(unit, new WriterScope(unit.Keys.Domain), (h, t) => (h, t with { Checksum = new byte[16] }));
        Assert.Empty((await unit.Unit.ListImagesAsync(default)).Images);
    }

    [Fact]
    public async Task An_image_outside_the_scope_is_refused()
    {
        await using var unit = await TestUnit.MakeAsync();
        var scope = new WriterScope(unit.Keys.Domain, unit.NewId(), unit.NewId(), unit.NewId());
        ImageHeader Good(ImageHeader h) => h with { VmId = scope.VmId!.Value, Id = scope.ImageId!.Value, JobId = scope.JobId!.Value };
        await RefusedAsync(unit, scope, (h, t) => (Good(h) with { VmId = unit.NewId() }, t));
        await RefusedAsync(unit, scope, (h, t) => (Good(h) with { Id = unit.NewId() }, t));
        await RefusedAsync(unit, scope, (h, t) => (Good(h) with { JobId = unit.NewId() }, t));
        await RefusedAsync(unit, scope, (h, t) => (Good(h) with { Domain = unit.NewId() }, t));
        Assert.Empty((await unit.Unit.ListImagesAsync(default)).Images);
    }

    [Fact]
    public async Task A_root_that_never_came_is_refused()
    {
        await using var unit = await TestUnit.MakeAsync();
        var trouble = await RefusedAsync(unit, new WriterScope(unit.Keys.Domain), (h, t) => (h with { Streams = [h.Streams[0] with { Root = new NodeId(1, 2, 3, 4) }] }, t));
        Assert.Contains("node", trouble.Culprit, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tree_that_names_a_chunk_that_never_came_is_refused()
    {
        await using var unit = await TestUnit.MakeAsync();
        await using var writer = await unit.Unit.OpenWriterAsync(new WriterScope(unit.Keys.Domain), default);
        using var session = new UploadSession(writer, unit.Keys, unit.Random);
        var stream = await DiskUpload.RunAsync(session, DiskWork.Full(new MemorySource(s_disk)), null, default);
        await writer.FlushAsync(default);
        var editor = new TreeEditor(writer, new TreeShape(s_disk.Length, Disks.Chunk), stream.Root);
        await editor.SetAsync(5, unit.Keys.IdOf("never sent"u8), default);
        var root = await editor.FinishAsync(default);
        var thrown = await Assert.ThrowsAsync<TroubleException>(() => CommitAsync(unit, writer, session, stream with { Root = root }, unit.NewId()));
        Assert.Contains("did not come", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tree_longer_than_its_stream_is_refused()
    {
        await using var unit = await TestUnit.MakeAsync();
        await RefusedAsync(unit, new WriterScope(unit.Keys.Domain), (h, t) => (h with { Streams = [h.Streams[0] with { Length = Disks.Chunk * 7 }] }, t));
    }

    [Fact]
    public async Task A_base_of_another_vm_is_refused()
    {
        await using var unit = await TestUnit.MakeAsync();
        var other = await unit.BackupAsync(s_disk);
        var scope = new WriterScope(unit.Keys.Domain, unit.NewId());
        var trouble = await RefusedAsync(unit, scope, (h, t) => (h with { VmId = scope.VmId!.Value, BaseImageId = other.Header.Id }, t));
        Assert.Contains("base", trouble.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_image_id_is_committed_once_and_a_session_that_lost_the_race_cannot_commit()
    {
        await using var unit = await TestUnit.MakeAsync();
        var id = unit.NewId();
        await using var late = await unit.Unit.OpenWriterAsync(new WriterScope(unit.Keys.Domain), default);
        await unit.BackupAsync(new MemorySource(s_disk), null, null, id);
        using var session = new UploadSession(late, unit.Keys, unit.Random);
        var stream = await DiskUpload.RunAsync(session, DiskWork.Full(new MemorySource(s_disk)), null, default);
        var thrown = await Assert.ThrowsAsync<TroubleException>(() => CommitAsync(unit, late, session, stream, id));
        Assert.Contains("exists already", thrown.Message, StringComparison.Ordinal);
        Assert.Single((await unit.Unit.ListImagesAsync(default)).Images);
    }

    [Fact]
    public async Task A_fenced_session_cannot_commit()
    {
        await using var unit = await TestUnit.MakeAsync();
        await using var writer = await unit.Unit.OpenWriterAsync(new WriterScope(unit.Keys.Domain), default);
        using var session = new UploadSession(writer, unit.Keys, unit.Random);
        var stream = await DiskUpload.RunAsync(session, DiskWork.Full(new MemorySource(s_disk)), null, default);
        var open = Guid.ParseExact(Path.GetFileName(Directory.EnumerateFiles(Path.Combine(unit.Directory, "sessions")).Single()), "N");
        var fence = SessionEnd.Without(open, EndState.Fenced, unit.Time.GetUtcNow());
        Assert.True(await unit.Unit.Volume.PutIfAbsentAsync(UnitNames.End(open), fence.Encode(), default));
        await Assert.ThrowsAsync<TroubleException>(() => CommitAsync(unit, writer, session, stream, unit.NewId()));
        Assert.Empty((await unit.Unit.ListImagesAsync(default)).Images);
    }

    [Fact]
    public async Task Two_units_on_one_directory_see_each_others_commits_and_chunks()
    {
        await using var unit = await TestUnit.MakeAsync();
        await using var other = await StorageUnit.OpenInAsync(unit.Directory, unit.Environment, default);
        await using var early = await other.OpenReaderAsync(new ReaderScope(unit.Keys.Domain), default);
        var image = await unit.BackupAsync(s_disk);
        Assert.Single(await early.ListImagesAsync(default));
        using var opener = new RecordOpener(unit.Keys);
        var target = new MemoryTarget(s_disk.Length);
        await DiskDownload.RunAsync(early, opener, image.Header.Streams[0], target, null, default);
        Assert.Equal(s_disk, target.Bytes);
        await using var writer = await other.OpenWriterAsync(new WriterScope(unit.Keys.Domain), default);
        Assert.True((await writer.HasChunksAsync([unit.Keys.IdOf(s_disk.AsSpan(0, Disks.Chunk))], default))[0]);
    }

    [Fact]
    public async Task Notes_are_listed_in_order_and_only_for_images_that_the_session_may_annotate()
    {
        await using var unit = await TestUnit.MakeAsync();
        var image = await unit.BackupAsync(s_disk);
        var note = new BaseNote("reference", [new BaseNoteDisk("slot 0", "rct:1")]);
        await using (var writer = await unit.Unit.OpenWriterAsync(new WriterScope(unit.Keys.Domain, unit.Vm), default))
        {
            await writer.PutNoteAsync(image.Header.Id, NoteKind.Base, NoteCodec.Seal(unit.Keys, image.Header.Id, note, unit.Random), default);
            unit.Time.Advance(TimeSpan.FromSeconds(1));
            var verdict = new VerifyResult(unit.Time.GetUtcNow(), "sound", VerifyKind.Full);
            await writer.PutNoteAsync(image.Header.Id, NoteKind.Verified, NoteCodec.Seal(unit.Keys, image.Header.Id, verdict, unit.Random), default);
        }
        await using (var stranger = await unit.Unit.OpenWriterAsync(new WriterScope(unit.Keys.Domain, unit.NewId()), default))
            await Assert.ThrowsAsync<TroubleException>(() => stranger.PutNoteAsync(image.Header.Id, NoteKind.Suspect, image.Details, default));
        await unit.ReopenAsync();
        var listed = (await unit.Unit.ListImagesAsync(default)).Images.Single();
        Assert.Equal([NoteKind.Base, NoteKind.Verified], listed.Notes.Select(n => n.Kind));
        var read = NoteCodec.OpenBase(unit.Keys, image.Header.Id, listed.Notes[0]);
        Assert.Equal(note.ReferencePointId, read.ReferencePointId);
        Assert.Equal(note.Disks, read.Disks);
        Assert.Equal("sound", ImageSummaries.Of(listed, unit.Keys).Verified?.Result);
        Assert.Throws<TroubleException>(() => NoteCodec.OpenBase(unit.Keys, unit.NewId(), listed.Notes[0]));
    }

    [Fact]
    public async Task The_head_follows_images_and_notes_and_nothing_else()
    {
        await using var unit = await TestUnit.MakeAsync();
        var empty = await unit.Unit.HeadAsync(default);
        var image = await unit.BackupAsync(s_disk);
        var one = await unit.Unit.HeadAsync(default);
        await using (await unit.Unit.OpenWriterAsync(new WriterScope(unit.Keys.Domain), default)) Assert.Equal(one, await unit.Unit.HeadAsync(default));
        await unit.Unit.AnnotateAsync(image.Header.Id, NoteKind.Suspect, NoteCodec.SealText(unit.Keys, image.Header.Id, NoteKind.Suspect, "audit", unit.Random), default);
        Assert.Equal(3, new[] { empty, one, await unit.Unit.HeadAsync(default) }.Distinct().Count());
    }

    private static async Task<Trouble> RefusedAsync(
        TestUnit unit, WriterScope scope, Func<ImageHeader, SentTotals, (ImageHeader, SentTotals)> change)
    {
        await using var writer = await unit.Unit.OpenWriterAsync(scope, default);
        using var session = new UploadSession(writer, unit.Keys, unit.Random);
        var stream = await DiskUpload.RunAsync(session, DiskWork.Full(new MemorySource(s_disk)), null, default);
        var (header, totals) = change(Header(unit, stream, unit.NewId()), session.Totals);
        var details = ImageDetailsCodec.Seal(unit.Keys, header, TestUnit.Details("web", s_disk.Length), unit.Random);
        return (await Assert.ThrowsAsync<TroubleException>(() => writer.CommitAsync(header, details, totals, default))).Trouble;
    }

    private static Task<ImageReceipt> CommitAsync(TestUnit unit, IImageWriter writer, UploadSession session, StreamHeader stream, Guid id)
    {
        var header = Header(unit, stream, id);
        var details = ImageDetailsCodec.Seal(unit.Keys, header, TestUnit.Details("web", s_disk.Length), unit.Random);
        return writer.CommitAsync(header, details, session.Totals, default);
    }

    private static ImageHeader Header(TestUnit unit, StreamHeader stream, Guid id) =>
        new(id, unit.Keys.Domain, unit.Vm, unit.NewId(), unit.Time.GetUtcNow(), ImageType.Full, Consistency.Off, null, [stream]);
}
