using Stillpoint.Model;

namespace Stillpoint.HyperV;

/// <summary>Where a folder of a Hyper-V host lies on this machine.</summary>
/// <param name="HostPrefix">Host folder, for example <c>C:\</c>, <c>C:\ClusterStorage\Volume1</c> or <c>\\server\share</c>.</param>
/// <param name="LocalFolder">Folder on this machine.</param>
public sealed record PathMapping(string HostPrefix, string LocalFolder)
{
    /// <summary>Reads <c>C:\=DIR</c>.</summary>
    /// <exception cref="TroubleException">It has another form.</exception>
    public static PathMapping Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var cut = text.IndexOf('=', StringComparison.Ordinal);
        if (cut <= 0 || cut == text.Length - 1 || !HostPath.TryNormalize(text[..cut], out var prefix))
        {
            throw new TroubleException("the path map", $"'{text}' is no mapping.", @"Write HOSTFOLDER=LOCALFOLDER, for example C:\=/srv/host/c.");
        }
        return new(prefix, Path.GetFullPath(text[(cut + 1)..]));
    }
}
