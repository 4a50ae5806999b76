using System.Text;
using Stillpoint.Chunks;

namespace Stillpoint.Cli;

/// <summary>Ids of VMs that a backup without a server names.</summary>
internal static class VmIds
{
    /// <summary>A name has no id of its own; the keyed hash of it tells nobody without the key which images are of the same name.</summary>
    public static Guid OfName(DomainKeys keys, string name)
    {
        Span<byte> id = stackalloc byte[ChunkId.Size];
        keys.IdOf(Encoding.UTF8.GetBytes("vm of store backup: " + name)).Write(id);
        return new Guid(id[..16], bigEndian: true);
    }

    /// <summary>The VM that a person means: its id, or, with the key, its name as the images of <paramref name="images"/> have it.</summary>
    /// <exception cref="CommandFailedException">There is none, or a name came without a key.</exception>
    public static Guid Find(IReadOnlyList<StoredImage> images, DomainKeys? keys, string text)
    {
        if (Guid.TryParse(text, out var id) && images.Any(i => i.Header.VmId == id)) return id;
        if (keys is null) throw new CommandFailedException(ExitCodes.NotFound, $"no image is of a VM {text}.", "give the VM's id, or the key file for names");
        var named = images.Where(i => i.Header.Domain == keys.Domain && ImageSummaries.TryOf(i, keys).Summary.Vm == text).Select(i => i.Header.VmId).Distinct().ToList();
        return named.Count switch
        {
            1 => named[0],
            0 => throw new CommandFailedException(ExitCodes.NotFound, $"no image is of a VM {text}.", "list them with: stillpoint store images UNIT"),
            _ => throw new CommandFailedException(ExitCodes.Failed, $"{named.Count} VMs are named {text}.", "give the VM's id: " + string.Join(", ", named)),
        };
    }
}
