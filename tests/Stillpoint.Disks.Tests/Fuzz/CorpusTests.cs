using Microsoft.Extensions.Time.Testing;
using Stillpoint.VirtualDisks;

namespace Stillpoint.Disks.Tests;

/// <summary>What the fuzzer started from and what it found, replayed.</summary>
public sealed class CorpusTests
{
    private const int Mebibyte = 1 << 20;

    [Fact]
    public void Every_input_of_the_corpus_ends_in_an_answer_or_a_named_refusal()
    {
        var inputs = Directory.GetFiles(Folder()).Order().ToList();
        Assert.True(inputs.Count >= 5, $"the corpus has {inputs.Count} inputs");
        foreach (var input in inputs) Replay(Path.GetFileName(input), File.ReadAllBytes(input));
    }

    /// <summary>Every input changed in a few places, so that the replay is more than the same bytes again; seeds are fixed.</summary>
    [Fact]
    public void Neighbours_of_the_corpus_do_so_too()
    {
        foreach (var input in Directory.GetFiles(Folder()).Order())
        {
            var sound = File.ReadAllBytes(input);
            for (var seed = 0; seed < 40; seed++)
            {
                var random = new Random(seed);
                var bytes = (byte[])sound.Clone();
                for (var i = random.Next(1, 6); i > 0; i--) bytes[random.Next(Math.Min(bytes.Length, 2000))] = (byte)(random.Next(3) == 0 ? 0xFF : random.Next(256));
                Replay($"{Path.GetFileName(input)}, seed {seed}", bytes);
            }
        }
    }

    /// <summary>Makes the fuzzer's first inputs anew, by <c>--explicit only</c>.</summary>
    [Fact(Explicit = true)]
    public void Write_first_inputs()
    {
        using var folder = new TestFolder();
        var time = new FakeTimeProvider();
        using (var disk = VhdxDisk.Create(folder["base.vhdx"], new VhdxCreateOptions { Length = 6 * Mebibyte, BlockSize = Mebibyte, NewId = folder.NewId })) Fill(disk);
        using (var disk = VhdxDisk.Create(folder["child.avhdx"], new VhdxCreateOptions { Kind = DiskKind.Differencing, Parent = folder["base.vhdx"], BlockSize = Mebibyte, NewId = folder.NewId })) Fill(disk);
        using (var disk = VhdFile.Create(folder["base.vhd"], new VhdCreateOptions { Length = 6 * Mebibyte, BlockSize = 512 << 10, NewId = folder.NewId, Time = time })) Fill(disk);
        using (var disk = VhdFile.Create(folder["child.avhd"], new VhdCreateOptions { Kind = DiskKind.Differencing, Parent = folder["base.vhd"], BlockSize = 512 << 10, NewId = folder.NewId, Time = time })) Fill(disk);
        File.Copy(folder["base.vhdx"], folder["dirty.vhdx"]);
        var files = new CrashingFiles(new Random(Enumerable.Range(1, 99).First(seed => new Random(seed).Next(3) == 0)));
        var open = VirtualDisk.Open(folder["dirty.vhdx"], new DiskOpenOptions { ReadOnly = false, NewId = folder.NewId, Files = files });
        open.Write(3 * Mebibyte, [1, 2, 3]);
        open.Flush();
        files.Restart();
        foreach (var name in new[] { "base.vhdx", "child.avhdx", "base.vhd", "child.avhd", "dirty.vhdx" })
        {
            File.WriteAllBytes(Path.Combine(Folder(), "sound-" + name), FoldedDisk.Fold(File.ReadAllBytes(folder[name])));
        }
    }

    private static void Replay(string name, byte[] folded)
    {
        Replay(name, FoldedDisk.Unfold(folded), FoldedDisk.Exercise);
        Replay(name + " (for writing)", FoldedDisk.Unfold(folded), FoldedDisk.ExerciseWriting);
    }

    private static void Replay(string name, SparseFile file, Func<SparseFile, DiskFormatException?> exercise)
    {
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        var refused = exercise(file);
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        Assert.True(allocated < 256L * Mebibyte, $"{name}: {allocated} bytes of memory were taken");
        Assert.True(file.BytesRead < 300L * Mebibyte, $"{name}: {file.BytesRead} bytes were read");
        Assert.True(file.BytesWritten < 600L * Mebibyte, $"{name}: {file.BytesWritten} bytes were written");
        if (name.StartsWith("sound-", StringComparison.Ordinal) && !name.Contains(',', StringComparison.Ordinal)) Assert.True(refused is null, $"{name}: {refused?.Message}");
    }

    private static void Fill(VirtualDisk disk)
    {
        disk.Write(1000, TestFolder.Noise(1, 1_200_000));
        disk.Write(4 * Mebibyte, TestFolder.Noise(2, 5000));
        disk.Flush();
    }

    private static string Folder() => Directory.CreateDirectory(Path.Combine(Checkout.Root, "tests/Stillpoint.Disks.Tests/Fuzz/corpus")).FullName;
}
