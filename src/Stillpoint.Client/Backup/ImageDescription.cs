using System.Text.Json;
using Stillpoint.Chunks;
using Stillpoint.Extents;
using Stillpoint.Model;

namespace Stillpoint.Client;

/// <summary>A readable description of the VM as it was, kept in each image beside its configuration: what it consisted of, what was found before the
/// backup. A person reads it with <c>stillpoint store restore</c>; a restore on a host leaves it out.</summary>
/// <param name="Vm">The VM.</param>
/// <param name="Host">The host's own name.</param>
/// <param name="Taken">When the checkpoint was taken, UTC.</param>
/// <param name="Consistency">What was achieved.</param>
/// <param name="Findings">What the look before the backup found.</param>
internal sealed record ImageDescription(VmInventory Vm, string Host, DateTimeOffset Taken, Consistency Consistency, IReadOnlyList<Finding> Findings)
{
    /// <summary>Its name in the image.</summary>
    public const string FileName = "description.json";

    /// <summary>Its role in the image.</summary>
    public const string Role = "description";

    /// <summary>Its bytes as a stream of an image.</summary>
    public IDiskSource ToSource() => new Bytes(JsonSerializer.SerializeToUtf8Bytes(this, Words.ReadableJson));

    private sealed class Bytes(byte[] bytes) : IDiskSource
    {
        public long Length => bytes.Length;

        public ExtentSet Data => ExtentSet.Whole(bytes.Length);

        public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancel)
        {
            bytes.AsMemory((int)offset, buffer.Length).CopyTo(buffer);
            return ValueTask.CompletedTask;
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
