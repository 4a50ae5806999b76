using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Stillpoint.Chunks;
using Stillpoint.Durable;

namespace Stillpoint.Store.Tests;

/// <summary>Writes past the page cache, and what becomes of them where the system refuses.</summary>
public sealed class DirectFileTests
{
    [Fact]
    public void Where_the_file_system_refuses_all_goes_through_the_cache()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "a file in memory is Linux's");
        // A memory file takes no O_DIRECT: fcntl answers EINVAL, as file systems without direct writes do.
        using var file = new SafeFileHandle(memfd_create("direct", 0), ownsHandle: true);
        Assert.False(file.IsInvalid);
        var direct = new DirectFile(file);
        var (first, second) = (Blocks(3, seed: 1), Blocks(2, seed: 2));
        direct.Write(first.Span, 0);
        Assert.False(direct.IsDirect);
        direct.Write(second.Span, first.Length);
        direct.Write("and the end"u8, first.Length + second.Length);
        Assert.Equal([.. first.Span, .. second.Span, .. "and the end"u8], ReadAll(file));
    }

    [Fact]
    public void A_block_that_is_not_aligned_and_all_after_it_go_through_the_cache()
    {
        var path = Path.Combine(Path.GetTempPath(), $"stillpoint-direct-{Environment.ProcessId}");
        try
        {
            using var file = File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite);
            var direct = new DirectFile(file);
            var (first, last) = (Blocks(4, seed: 1), Blocks(1, seed: 2));
            direct.Write(first.Span, 0);
            direct.Write(first.Span[..100], first.Length);
            Assert.False(direct.IsDirect);
            direct.Write(last.Span, first.Length + 100);
            Assert.Equal([.. first.Span, .. first.Span[..100], .. last.Span], ReadAll(file));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static Memory<byte> Blocks(int count, int seed)
    {
        var blocks = PageBuffer.Allocate(count * DirectFile.Alignment);
        new Random(seed).NextBytes(blocks.Span);
        return blocks;
    }

    private static byte[] ReadAll(SafeFileHandle file)
    {
        var bytes = new byte[RandomAccess.GetLength(file)];
        RandomAccess.Read(file, bytes, 0);
        return bytes;
    }

    [DllImport("libc", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int memfd_create([MarshalAs(UnmanagedType.LPStr)] string name, uint flags);
}
