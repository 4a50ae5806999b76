using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>Reads an object that is held in memory whole.</summary>
internal static class SmallObject
{
    private const int First = 16 << 10;

    /// <summary>All its bytes.</summary>
    /// <exception cref="FileNotFoundException">It is not there.</exception>
    /// <exception cref="Model.TroubleException">It is larger than any small object may be.</exception>
    public static async Task<byte[]> ReadAsync(IVolume volume, string name, CancellationToken cancel)
    {
        var buffer = new byte[First];
        var used = 0;
        while (true)
        {
            used += await volume.ReadAsync(name, used, buffer.AsMemory(used), cancel);
            if (used < buffer.Length) return buffer[..used];
            if (buffer.Length > SealedCodec.MaxBlob) throw Damage.Of(name, "it is far too large");
            Array.Resize(ref buffer, buffer.Length * 4);
        }
    }
}
