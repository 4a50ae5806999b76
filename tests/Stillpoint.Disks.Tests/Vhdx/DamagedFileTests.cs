using Stillpoint.VirtualDisks;

namespace Stillpoint.Disks.Tests;

/// <summary>
/// Files that were damaged. What a checksum covers, and what contradicts something else, is refused by name; what no reader can see (a BAT entry
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

    public DamagedFileTests()
    {
        using (var disk = VhdxDisk.Create(_folder["base.vhdx"], new VhdxCreateOptions { Length = 6 * Mebibyte, BlockSize = Mebibyte, NewId = _folder.NewId })) Fill(disk);
        using (var disk = VhdxDisk.Create(_folder["child.avhdx"], new VhdxCreateOptions { Kind = DiskKind.Differencing, Parent = _folder["base.vhdx"], BlockSize = Mebibyte, NewId = _folder.NewId })) Fill(disk);
        using (var disk = VhdFile.Create(_folder["a.vhd"], new VhdCreateOptions { Length = 6 * Mebibyte, BlockSize = 512 << 10, NewId = _folder.NewId, Time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider() })) Fill(disk);
        _vhdx = File.ReadAllBytes(_folder["base.vhdx"]);
        _child = File.ReadAllBytes(_folder["child.avhdx"]);
        _vhd = File.ReadAllBytes(_folder["a.vhd"]);
        _dirty = DirtyCopy();
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("vhdx", 350)]
    [InlineData("child", 250)]
    [InlineData("dirty", 200)]
    [InlineData("vhd", 250)]
    public void Random_damage_ends_in_an_answer_or_a_named_refusal(string which, int files)
    {
        var (sound, name) = which switch
        {
            "vhdx" => (_vhdx, "x.vhdx"),
            "child" => (_child, "x.avhdx"),
            "dirty" => (_dirty, "x.vhdx"),
            _ => (_vhd, "x.vhd"),
        };
        int refused = 0, read = 0;
        var expected = ReadWhole(name, sound);
        for (var seed = 1; seed <= files; seed++)
        {
            var bytes = Damage(sound, new Random(seed));
            using var file = new MemoryFile(_folder[name], bytes);
            try
            {
                using var disk = Open(file);
                foreach (var run in disk.Map()) _ = run;
                var buffer = new byte[Math.Min(disk.Length, 8 * Mebibyte)];
                disk.Read(0, buffer);
                read++;
                if (OnlyCoveredByChecksums(sound, bytes)) Assert.True(buffer.AsSpan().SequenceEqual(expected), $"seed {seed}: misread, though only checksummed structures were hit");
            }
            catch (DiskFormatException e)
            {
                Assert.False(string.IsNullOrWhiteSpace(e.Structure));
                refused++;
            }
            Assert.False(file.WasWritten, $"seed {seed}: a read-only opening wrote");
            Assert.True(file.BytesRead < 300L * Mebibyte, $"seed {seed}: {file.BytesRead} bytes were read of a file of {bytes.Length}");
        }
        Assert.True(refused > files / 20 && read > 0, $"{refused} refused, {read} read");
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
        VirtualDisk.Open(file.Path, new DiskOpenOptions { Files = new OneFile(file), ResolveParent = (_, _) => _folder["base.vhdx"] });

    private byte[] ReadWhole(string name, byte[] bytes)
    {
        using var file = new MemoryFile(_folder[name], bytes);
        using var disk = Open(file);
        var whole = new byte[disk.Length];
        disk.Read(0, whole);
        return whole;
    }

    /// <summary>True when every byte that changed lies in a VHDX's identifier, headers, region tables, log, or the reserved space between them.</summary>
    private static bool OnlyCoveredByChecksums(byte[] sound, byte[] bytes) =>
        sound.Length == bytes.Length && sound.AsSpan().StartsWith("vhdxfile"u8) && sound.AsSpan(2 * Mebibyte).SequenceEqual(bytes.AsSpan(2 * Mebibyte));

    private static void Fill(VirtualDisk disk)
    {
        disk.Write(1000, TestFolder.Noise(1, 1_200_000));
        disk.Write(4 * Mebibyte, TestFolder.Noise(2, 5000));
        disk.Flush();
    }

    /// <summary>A file whose log holds changes: the machine stopped after the log and before the places.</summary>
    private byte[] DirtyCopy()
    {
        File.WriteAllBytes(_folder["dirty.vhdx"], _vhdx);
        var files = new CrashingFiles(new Random(1));
        var disk = VirtualDisk.Open(_folder["dirty.vhdx"], new DiskOpenOptions { ReadOnly = false, NewId = _folder.NewId, Files = files });
        disk.Write(3 * Mebibyte, TestFolder.Noise(3, 9000));
        disk.Flush();
        files.Restart();
        var bytes = File.ReadAllBytes(_folder["dirty.vhdx"]);
        Assert.Contains(DiskCheck.Run(_folder["dirty.vhdx"], new DiskOpenOptions()), f => f.Structure == "log");
        return bytes;
    }

    private static byte[] Damage(byte[] sound, Random random)
    {
        var bytes = (byte[])sound.Clone();
        switch (random.Next(5))
        {
            case 0:
                return bytes[..random.Next(bytes.Length)];
            case 1: // two structures change places
                int a = Place(random, bytes), b = Place(random, bytes), n = Math.Min(4096, bytes.Length - Math.Max(a, b));
                var held = bytes.AsSpan(a, n).ToArray();
                bytes.AsSpan(b, n).ToArray().CopyTo(bytes, a);
                held.CopyTo(bytes, b);
                return bytes;
            case 2: // noise over a structure
                var at = Place(random, bytes);
                random.NextBytes(bytes.AsSpan(at, Math.Min(random.Next(1, 600), bytes.Length - at)));
                return bytes;
            default:
                for (var i = random.Next(1, 40); i > 0; i--) bytes[Math.Min(bytes.Length - 1, Place(random, bytes) + random.Next(200))] ^= (byte)(1 << random.Next(8));
                return bytes;
        }
    }

    /// <summary>Where structures are, so that damage meets something.</summary>
    private static int Place(Random random, byte[] bytes)
    {
        int[] vhdx = [0, 64 << 10, 128 << 10, 192 << 10, 256 << 10, Mebibyte, 2 * Mebibyte, (2 * Mebibyte) + (64 << 10), 3 * Mebibyte, 4 * Mebibyte, random.Next(bytes.Length)];
        int[] vhd = [0, 16, 512, 528, 540, 576, 1536, 1600, bytes.Length - 512, bytes.Length - 452, random.Next(bytes.Length)];
        var places = bytes.AsSpan().StartsWith("conectix"u8) ? vhd : vhdx;
        return Math.Clamp(places[random.Next(places.Length)], 0, bytes.Length - 1);
    }

    private sealed class OneFile(MemoryFile file) : IDiskFiles
    {
        public IDiskFile Open(string path, bool writable) => path == file.Path ? file : HostFiles.Instance.Open(path, writable);

        public IDiskFile Create(string path) => throw new InvalidOperationException();
    }
}
