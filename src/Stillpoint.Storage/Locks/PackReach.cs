using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>Finds the packs that hold what trees name. A subtree that several images share is walked once.</summary>
internal sealed class PackReach(DomainIndex index, IImageReader reader, HashSet<string> packs)
{
    private readonly HashSet<NodeId> _seen = [];

    /// <summary>Adds the packs of a tree.</summary>
    /// <returns>Null, or what of the tree is not there.</returns>
    public async ValueTask<string?> AddAsync(NodeId root, CancellationToken cancel)
    {
        string? missing = null;
        var open = new Stack<NodeId>();
        open.Push(root);
        while (open.TryPop(out var id))
        {
            if (id == default || !_seen.Add(id)) continue;
            try
            {
                var node = TreeNode.Open(id, await reader.ReadNodeAsync(id, cancel));
                if (index.TryFind(id, out var pack, out _)) packs.Add(pack.Name);
                for (var child = 0; child < StoreFormat.Fanout; child++)
                {
                    if (!node.Has(child)) continue;
                    if (node.Level > 0) open.Push(node.Node(child));
                    else if (index.TryFind(node.Chunk(child), out var holder, out _)) packs.Add(holder.Name);
                    else missing ??= $"chunk {node.Chunk(child)} is missing";
                }
            }
            catch (TroubleException e)
            {
                missing ??= e.Trouble.ToString();
            }
        }
        return missing;
    }
}
