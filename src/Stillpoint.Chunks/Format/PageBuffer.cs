using System.Runtime.InteropServices;

namespace Stillpoint.Chunks;

/// <summary>Memory that a disk can be read into and written from without a copy: it starts at a page's boundary and does not move.</summary>
public static class PageBuffer
{
    private const int Page = 4096;

    /// <summary><paramref name="size"/> bytes, of any content; they are collected like all memory.</summary>
    public static Memory<byte> Allocate(int size)
    {
        var bytes = GC.AllocateUninitializedArray<byte>(checked(size + Page - 1), pinned: true);
        var start = (long)Marshal.UnsafeAddrOfPinnedArrayElement(bytes, 0);
        return bytes.AsMemory((int)(-start & (Page - 1)), size);
    }
}
