using Microsoft.Extensions.Time.Testing;
using Stillpoint.VirtualDisks;

namespace Stillpoint.Disks.Tests;

public sealed class DiskFileTests : IDisposable
{
    private const int Mebibyte = 1 << 20;
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_format_converts_into_every_other_and_stays_sparse()
    {
        const int length = (37 * Mebibyte) + 512;
        using (var first = DiskFile.Create(_folder["0.raw"], Options(DiskFormat.Raw, DiskKind.Fixed, length)))
        {
            first.Write(5 * Mebibyte, TestFolder.Noise(1, 3 * Mebibyte));
            first.Write(length - 300, TestFolder.Noise(2, 300));
            first.Flush();
        }
        (DiskFormat Format, DiskKind Kind)[] shapes =
        [
            (DiskFormat.Vhdx, DiskKind.Dynamic), (DiskFormat.Vhd, DiskKind.Dynamic), (DiskFormat.Raw, DiskKind.Fixed),
            (DiskFormat.Vhdx, DiskKind.Fixed), (DiskFormat.Vhd, DiskKind.Fixed),
        ];
        var last = _folder["0.raw"];
        foreach (var (format, kind) in shapes.Concat(shapes.Reverse()))
        {
            var next = _folder[$"{Guid.Parse(_folder.NewId().ToString()):N}.{format.ToString().ToLowerInvariant()}"];
            using (var source = VirtualDisk.Open(last, new DiskOpenOptions()))
            {
                var told = 0L;
                DiskFile.Convert(source, next, Options(format, kind, length), (done, _) => told = done, CancellationToken.None);
                Assert.Equal(length, told);
            }
            using var a = VirtualDisk.Open(_folder["0.raw"], new DiskOpenOptions());
            using var b = VirtualDisk.Open(next, new DiskOpenOptions());
            Assert.Equal((format, kind, length), (b.Format, b.Kind, b.Length));
            Assert.Null(DiskCompare.FirstDifference(a, b, null, CancellationToken.None));
            Assert.True(b.Data.TotalLength < 5 * Mebibyte, $"{format} {kind} claims {b.Data.TotalLength} bytes of data");
            last = next;
        }
    }

    [Fact]
    public void Compare_names_the_first_byte_that_differs_and_takes_missing_bytes_for_zero()
    {
        using var a = DiskFile.Create(_folder["a.raw"], Options(DiskFormat.Raw, DiskKind.Fixed, 8 * Mebibyte));
        using var b = DiskFile.Create(_folder["b.vhdx"], Options(DiskFormat.Vhdx, DiskKind.Dynamic, 12 * Mebibyte));
        Assert.Null(DiskCompare.FirstDifference(a, b, null, CancellationToken.None));
        b.Write((9 * Mebibyte) + 5, [1]);
        Assert.Equal((9 * Mebibyte) + 5, DiskCompare.FirstDifference(a, b, null, CancellationToken.None));
        a.Write(777, [1]);
        Assert.Equal(777, DiskCompare.FirstDifference(a, b, null, CancellationToken.None));
    }

    [Fact]
    public void A_conversion_that_was_stopped_leaves_no_file()
    {
        using var source = DiskFile.Create(_folder["a.raw"], Options(DiskFormat.Raw, DiskKind.Fixed, 32 * Mebibyte));
        for (var i = 0; i < 32; i++) source.Write(i * Mebibyte, [1]);
        using var stop = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() =>
            DiskFile.Convert(source, _folder["b.vhdx"], Options(DiskFormat.Vhdx, DiskKind.Dynamic, source.Length), (done, _) => stop.Cancel(), stop.Token));
        Assert.False(File.Exists(_folder["b.vhdx"]));
    }

    /// <summary>What a killed conversion left goes with the next one of the same file; one that is at work, and files of others, stay.</summary>
    [Theory]
    [InlineData(DiskFormat.Raw, "b.raw")]
    [InlineData(DiskFormat.Vhdx, "b.vhdx")]
    [InlineData(DiskFormat.Vhd, "b.vhd")]
    public void The_next_conversion_clears_what_a_dead_one_left_and_nothing_of_a_living_one(DiskFormat format, string name)
    {
        var length = 8L * Mebibyte;
        using var source = DiskFile.Create(_folder["a.raw"], Options(DiskFormat.Raw, DiskKind.Fixed, length));
        source.Write(5 * Mebibyte, TestFolder.Noise(1, Mebibyte));
        string[] dead = [$"{name}.partial-0123abcd", $"{name}.partial-ffffffff"];
        string[] others = [$"{name}.partial-0123abcX", $"{name}.partial-0123abcde", $"x{name}.partial-0123abcd", $"{name}.partial"];
        foreach (var file in dead.Concat(others)) File.WriteAllText(_folder[file], "rest");
        var kind = format == DiskFormat.Raw ? DiskKind.Fixed : DiskKind.Dynamic;
        var inner = false;
        string[] Partials() => [.. Directory.EnumerateFiles(_folder.Path, $"{name}.partial-????????").Select(Path.GetFileName).OfType<string>().Except(others)];
        // In the middle of one conversion another makes the same file, and comes first.
        Assert.Throws<IOException>(() => DiskFile.Convert(source, _folder[name], Options(format, kind, length), (_, _) =>
        {
            if (inner) return;
            inner = true;
            var living = Assert.Single(Partials());
            Assert.DoesNotContain(living, dead);
            DiskFile.Convert(source, _folder[name], Options(format, kind, length), null, CancellationToken.None);
            Assert.Equal(living, Assert.Single(Partials()));
        }, CancellationToken.None));
        Assert.True(inner);
        Assert.Empty(Partials());
        Assert.All(others, file => Assert.True(File.Exists(_folder[file])));
        using var made = VirtualDisk.Open(_folder[name], new DiskOpenOptions());
        Assert.Null(DiskCompare.FirstDifference(source, made, null, CancellationToken.None));
    }

    [Theory]
    [InlineData(32)]
    [InlineData(256)]
    public void A_disk_of_64_TiB_is_made_written_at_its_ends_mapped_and_converted(int blockMebibytes)
    {
        const long length = 64L << 40;
        using (var disk = DiskFile.Create(_folder["a.vhdx"], Options(DiskFormat.Vhdx, DiskKind.Dynamic, length) with { BlockSize = blockMebibytes * Mebibyte }))
        {
            disk.Write(10, [1, 2, 3]);
            disk.Write(length - 3, [4, 5, 6]);
            disk.Flush();
        }
        Assert.Empty(DiskCheck.Run(_folder["a.vhdx"], new DiskOpenOptions()));
        using var source = VirtualDisk.Open(_folder["a.vhdx"], new DiskOpenOptions());
        Assert.Equal(length, source.Map().Sum(r => r.Length));
        Assert.True(source.Data.Contains(10) && source.Data.Contains(length - 1) && source.Data.TotalLength < 600L * Mebibyte);
        DiskFile.Convert(source, _folder["b.vhdx"], Options(DiskFormat.Vhdx, DiskKind.Dynamic, length), null, CancellationToken.None);
        using var copy = VirtualDisk.Open(_folder["b.vhdx"], new DiskOpenOptions());
        Assert.Null(DiskCompare.FirstDifference(source, copy, null, CancellationToken.None));
    }

    [Fact]
    public void Compact_gives_back_the_space_of_blocks_that_are_zero()
    {
        var path = _folder["a.vhdx"];
        var noise = TestFolder.Noise(9, 20 * Mebibyte);
        using (var disk = VhdxDisk.Create(path, new VhdxCreateOptions { Length = 40 * Mebibyte, BlockSize = Mebibyte, NewId = _folder.NewId }))
        {
            disk.Write(0, noise);
            disk.Write(3 * Mebibyte, new byte[12 * Mebibyte]);
            noise.AsSpan(3 * Mebibyte, 12 * Mebibyte).Clear();
            disk.Flush();
            Assert.Equal(12 * Mebibyte, disk.Compact(null, CancellationToken.None));
        }
        using var again = VirtualDisk.Open(path, new DiskOpenOptions());
        var seen = new byte[noise.Length];
        again.Read(0, seen);
        Assert.True(noise.AsSpan().SequenceEqual(seen));
        Assert.True(new FileInfo(path).Length <= 12 * Mebibyte);
    }

    private DiskCreateOptions Options(DiskFormat format, DiskKind kind, long length) => new() { Format = format, Kind = kind, Length = length, NewId = _folder.NewId, Time = new FakeTimeProvider() };
}
