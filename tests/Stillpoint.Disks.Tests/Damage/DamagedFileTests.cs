using System.Buffers.Binary;
using Stillpoint.VirtualDisks;

namespace Stillpoint.Disks.Tests;

/// <summary>
/// Files that were damaged, each by a damage whose outcome was told before. What a checksum covers, and what contradicts something else, is refused by name; what no reader can see (a BAT entry
/// that points to another free place, payload) may change only what it says. Every damage ends in an answer or a <see cref="DiskFormatException"/>,
/// with a bound on the bytes that are read.
/// </summary>
public sealed class DamagedFileTests : IDisposable
{
    private const int Mebibyte = 1 << 20;
    private readonly TestFolder _folder = new();
    private readonly byte[] _vhdx;
    private readonly byte[] _child;
    private readonly byte[] _dirty;
    private readonly byte[] _vhd;
    private readonly byte[] _vhdChild;

    public DamagedFileTests()
    {
        using (var disk = VhdxDisk.Create(_folder["base.vhdx"], new VhdxCreateOptions { Length = 6 * Mebibyte, BlockSize = Mebibyte, NewId = _folder.NewId })) Fill(disk);
        using (var disk = VhdxDisk.Create(_folder["child.avhdx"], new VhdxCreateOptions { Kind = DiskKind.Differencing, Parent = _folder["base.vhdx"], BlockSize = Mebibyte, NewId = _folder.NewId })) Fill(disk);
        using (var disk = VhdFile.Create(_folder["a.vhd"], new VhdCreateOptions { Length = 6 * Mebibyte, BlockSize = 512 << 10, NewId = _folder.NewId, Time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider() })) Fill(disk);
        using (var disk = VhdFile.Create(_folder["a.avhd"], new VhdCreateOptions { Kind = DiskKind.Differencing, Parent = _folder["a.vhd"], BlockSize = 512 << 10, NewId = _folder.NewId, Time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider() })) Fill(disk);
        _vhdx = File.ReadAllBytes(_folder["base.vhdx"]);
        _vhdChild = File.ReadAllBytes(_folder["a.avhd"]);
        _child = File.ReadAllBytes(_folder["child.avhdx"]);
        _vhd = File.ReadAllBytes(_folder["a.vhd"]);
        _dirty = DirtyCopy();
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("vhdx", 300)]
    [InlineData("child", 250)]
    [InlineData("dirty", 100)]
    [InlineData("vhd", 200)]
    [InlineData("vhd child", 150)]
    public void Damage_leads_to_what_its_class_says(string which, int files)
    {
        var (sound, name, next) = which switch
        {
            "vhdx" => (_vhdx, "x.vhdx", new VhdxDamage(_vhdx, isChild: false, dirtyLogLength: 0).Next),
            "child" => (_child, "x.avhdx", new VhdxDamage(_child, isChild: true, dirtyLogLength: 0).Next),
            "dirty" => (_dirty, "x.vhdx", new VhdxDamage(_dirty, isChild: false, dirtyLogLength: 8192).Next),
            "vhd" => (_vhd, "x.vhd", new VhdDamage(_vhd, isChild: false).Next),
            _ => (_vhdChild, "x.avhd", (Func<Random, Damage>)new VhdDamage(_vhdChild, isChild: true).Next),
        };
        var expected = ReadWhole(name, sound);
        var mix = new SortedDictionary<string, int>(StringComparer.Ordinal);
        for (var seed = 1; seed <= files; seed++)
        {
            var damage = next(new Random(seed));
            mix[damage.Class.ToString()] = mix.GetValueOrDefault(damage.Class.ToString()) + 1;
            AssertClass($"{which}, seed {seed}, {damage.Kind}", name, damage, expected);
        }
        Console.WriteLine($"damaged files: {which} {files}: {string.Join(", ", mix.Select(m => $"{m.Key} {m.Value}"))}");
        Assert.All(Enum.GetNames<DamageClass>().Where(c => which != "dirty" || c != "Local"), c => Assert.True(mix.GetValueOrDefault(c) > files / 20, $"only {mix.GetValueOrDefault(c)} of class {c}"));
    }

    private void AssertClass(string what, string name, Damage damage, byte[] expected)
    {
        var file = new MemoryFile(_folder[name], damage.Bytes);
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        DiskFormatException? refused = null;
        byte[] seen = [];
        try
        {
            using var disk = Open(file);
            Assert.True(disk.Map().Count() < 100_000, what);
            seen = new byte[Math.Min(disk.Length, 8 * Mebibyte)];
            disk.Read(0, seen);
        }
        catch (DiskFormatException e)
        {
            refused = e;
        }
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        Assert.False(file.WasWritten, $"{what}: a read-only opening wrote");
        Assert.True(file.BytesRead < 64L * Mebibyte, $"{what}: {file.BytesRead} bytes were read of a file of {damage.Bytes.Length}");
        // All that was ever allocated, let go or not: no more can have been held at once.
        Assert.True(allocated < 256L * Mebibyte, $"{what}: {allocated} bytes of memory were taken");
        if (damage.Class == DamageClass.Refused)
        {
            Assert.True(refused is not null, $"{what}: was not refused");
            Assert.True(damage.Structures.Contains(refused.Structure), $"{what}: refused for the {refused.Structure}, not for {string.Join(", ", damage.Structures)}");
            return;
        }
        Assert.True(refused is null, $"{what}: {refused?.Message}");
        var from = 0L;
        foreach (var (start, end) in damage.Affected.Order().Append((expected.Length, expected.Length)))
        {
            var untouched = (int)Math.Max(0, Math.Min(start, seen.Length) - from);
            if (untouched > 0) Assert.True(seen.AsSpan((int)from, untouched).SequenceEqual(expected.AsSpan((int)from, untouched)), $"{what}: bytes changed between {from} and {start}, outside what was hit");
            from = end;
        }
        Assert.True(damage.Kind == "smaller size" || seen.Length == expected.Length, $"{what}: the disk has {seen.Length} bytes");
    }

    /// <summary>Each is one change to a sound file that no reader may overlook.</summary>
    [Theory]
    [InlineData("both headers", "header")]
    [InlineData("both region tables", "region table")]
    [InlineData("metadata signature", "metadata table")]
    [InlineData("shared block", "BAT")]
    [InlineData("block in the BAT", "BAT")]
    [InlineData("block past the end", "BAT")]
    [InlineData("partial without parent", "BAT")]
    [InlineData("unknown state", "BAT")]
    [InlineData("disk larger than the BAT", "BAT")]
    [InlineData("odd block size", "metadata")]
    [InlineData("odd sector", "metadata")]
    [InlineData("cut in the payload", "BAT")]
    [InlineData("cut in the header", "file")]
    public void A_contradiction_is_refused_by_name(string damage, string structure)
    {
        var bytes = (byte[])_vhdx.Clone();
        const int bat = 3 * Mebibyte;
        ulong Entry(int i) => BitConverter.ToUInt64(bytes, bat + (i * 8));
        void SetEntry(int i, ulong value) => BitConverter.GetBytes(value).CopyTo(bytes, bat + (i * 8));
        var items = 2 * Mebibyte + (64 << 10);
        switch (damage)
        {
            case "both headers": bytes[(64 << 10) + 20] ^= 1; bytes[(128 << 10) + 20] ^= 1; break;
            case "both region tables": bytes[(192 << 10) + 900] ^= 1; bytes[(256 << 10) + 900] ^= 1; break;
            case "metadata signature": bytes[2 * Mebibyte] ^= 1; break;
            case "shared block": SetEntry(1, Entry(0)); break;
            case "block in the BAT": SetEntry(0, (ulong)bat | 6); break;
            case "block past the end": SetEntry(0, ((ulong)bytes.Length & ~0xFFFFFUL) | 6); break;
            case "partial without parent": SetEntry(0, Entry(0) | 7); break;
            case "unknown state": SetEntry(0, 4); break;
            case "disk larger than the BAT": BitConverter.GetBytes(1L << 40).CopyTo(bytes, items + 8); break;
            case "odd block size": BitConverter.GetBytes(3 * Mebibyte).CopyTo(bytes, items); break;
            case "odd sector": BitConverter.GetBytes(1024).CopyTo(bytes, items + 32); break;
            case "cut in the payload": bytes = bytes[..^Mebibyte]; break;
            case "cut in the header": bytes = bytes[..(100 << 10)]; break;
        }
        using var file = new MemoryFile(_folder["x.vhdx"], bytes);
        var refused = Assert.Throws<DiskFormatException>(() => Open(file));
        Assert.Equal(structure, refused.Structure);
    }

    [Theory]
    [InlineData("shared block", "block allocation table")]
    [InlineData("block in the table", "block allocation table")]
    [InlineData("block past the end", "block allocation table")]
    [InlineData("table past the end", "dynamic disk header")]
    [InlineData("fewer entries than blocks", "dynamic disk header")]
    [InlineData("odd block size", "dynamic disk header")]
    [InlineData("unknown type", "footer")]
    [InlineData("size past the limit", "footer")]
    [InlineData("parent outside the file", "parent locator")]
    public void A_contradiction_in_a_vhd_is_refused_by_name(string damage, string structure)
    {
        var bytes = (byte[])(structure == "parent locator" ? _vhdChild : _vhd).Clone();
        void SetEntry(int i, uint value) => BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(1536 + (i * 4)), value);
        void SetHeader(int at, int value) => Signed(512, 1024, 36, h => BinaryPrimitives.WriteInt32BigEndian(h[at..], value));
        void Signed(int at, int length, int field, SpanEdit edit)
        {
            edit(bytes.AsSpan(at, length));
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(at + field), VhdFooter.Checksum(bytes.AsSpan(at, length), field));
        }
        switch (damage)
        {
            case "shared block": bytes.AsSpan(1536, 4).CopyTo(bytes.AsSpan(1540)); break;
            case "block in the table": SetEntry(0, 3); break;
            case "block past the end": SetEntry(0, (uint)(bytes.Length / 512)); break;
            case "table past the end": SetHeader(20, bytes.Length / 512 * 512); break;
            case "fewer entries than blocks": SetHeader(28, 3); break;
            case "odd block size": SetHeader(32, 3 << 20); break;
            case "unknown type": Signed(bytes.Length - 512, 512, 64, f => f[63] = 9); break;
            case "size past the limit": Signed(bytes.Length - 512, 512, 64, f => BinaryPrimitives.WriteInt64BigEndian(f[48..], 1L << 50)); break;
            case "parent outside the file": Signed(512, 1024, 36, h => BinaryPrimitives.WriteInt64BigEndian(h[(576 + 16)..], 1L << 40)); break;
        }
        using var file = new MemoryFile(_folder["x.vhd"], bytes);
        Assert.Equal(structure, Assert.Throws<DiskFormatException>(() => Open(file)).Structure);
    }

    private delegate void SpanEdit(Span<byte> bytes);

    [Fact]
    public void One_damaged_copy_is_got_around_told_and_repaired()
    {
        var bytes = (byte[])_vhdx.Clone();
        bytes[(128 << 10) + 20] ^= 1;
        bytes[(192 << 10) + 900] ^= 1;
        File.WriteAllBytes(_folder["x.vhdx"], bytes);
        Assert.Equal(["header", "region table"], DiskCheck.Run(_folder["x.vhdx"], new DiskOpenOptions()).Select(f => f.Structure));
        DiskCheck.Repair(_folder["x.vhdx"], _folder.NewId);
        Assert.Empty(DiskCheck.Run(_folder["x.vhdx"], new DiskOpenOptions()));
    }

    [Fact]
    public void A_chain_that_leads_back_to_itself_is_refused()
    {
        File.WriteAllBytes(_folder["loop.avhdx"], _child);
        var refused = Assert.Throws<DiskFormatException>(() => VirtualDisk.Open(_folder["loop.avhdx"], new DiskOpenOptions { ResolveParent = (child, _) => child }));
        Assert.Contains("loop", refused.Message);
    }

    private VirtualDisk Open(MemoryFile file) =>
        VirtualDisk.Open(file.Path, new DiskOpenOptions { Files = new OneFile(file), ResolveParent = (child, _) => _folder[child.EndsWith("vhdx", StringComparison.Ordinal) ? "base.vhdx" : "a.vhd"] });

    private byte[] ReadWhole(string name, byte[] bytes)
    {
        using var file = new MemoryFile(_folder[name], bytes);
        using var disk = Open(file);
        var whole = new byte[disk.Length];
        disk.Read(0, whole);
        return whole;
    }

    private static void Fill(VirtualDisk disk)
    {
        disk.Write(1000, TestFolder.Noise(1, 1_200_000));
        disk.Write((2 * Mebibyte) + 10, TestFolder.Noise(4, 3000));
        disk.Write(4 * Mebibyte, TestFolder.Noise(2, 5000));
        disk.Flush();
        disk.Zero(2 * Mebibyte, Mebibyte); // leaves a gap in the file, where a damaged entry may point to
        disk.Flush();
    }

    /// <summary>A file whose log holds changes: the machine stopped after the log and before the places.</summary>
    private byte[] DirtyCopy()
    {
        File.WriteAllBytes(_folder["dirty.vhdx"], _vhdx);
        // A plain crash: all that was written is there.
        var files = new CrashingFiles(new Random(Enumerable.Range(1, 99).First(seed => new Random(seed).Next(3) == 0)));
        var disk = VirtualDisk.Open(_folder["dirty.vhdx"], new DiskOpenOptions { ReadOnly = false, NewId = _folder.NewId, Files = files });
        disk.Write(3 * Mebibyte, TestFolder.Noise(3, 9000));
        disk.Flush();
        files.Restart();
        var bytes = File.ReadAllBytes(_folder["dirty.vhdx"]);
        Assert.Contains(DiskCheck.Run(_folder["dirty.vhdx"], new DiskOpenOptions()), f => f.Structure == "log");
        return bytes;
    }

    private sealed class OneFile(MemoryFile file) : IDiskFiles
    {
        public IDiskFile Open(string path, bool writable) => path == file.Path ? file : HostFiles.Instance.Open(path, writable);

        public IDiskFile Create(string path) => throw new InvalidOperationException();
    }
}
