namespace Stillpoint.VirtualDisks;

/// <summary>What a differencing file says of its parent: identities and paths, by the keys of MS-VHDX 2.6.2.6.3. A VHD's locators come by the same keys.</summary>
/// <param name="Entries">Key and value as they stand in the file.</param>
public sealed record ParentLocator(IReadOnlyDictionary<string, string> Entries)
{
    internal const string LinkageKey = "parent_linkage";
    internal const string Linkage2Key = "parent_linkage2";
    internal const string RelativeKey = "relative_path";
    internal const string VolumeKey = "volume_path";
    internal const string AbsoluteKey = "absolute_win32_path";

    /// <summary>Identity of the parent's content at link time.</summary>
    public Guid? Linkage => Id(LinkageKey);

    /// <summary>A second identity that is accepted: the one the parent gets while it is merged into.</summary>
    public Guid? Linkage2 => Id(Linkage2Key);

    /// <summary>Path from the child's folder, such as <c>.\base.vhdx</c>.</summary>
    public string? RelativePath => Entries.GetValueOrDefault(RelativeKey);

    /// <summary>Path by volume GUID.</summary>
    public string? VolumePath => Entries.GetValueOrDefault(VolumeKey);

    /// <summary>Windows path such as <c>\\?\C:\VMs\base.vhdx</c>.</summary>
    public string? AbsolutePath => Entries.GetValueOrDefault(AbsoluteKey);

    /// <summary>The paths in the order in which they are to be tried (MS-VHDX 2.2.4): relative, volume, absolute.</summary>
    public IEnumerable<string> Paths => new[] { RelativePath, VolumePath, AbsolutePath }.OfType<string>();

    /// <summary>The default resolver: the relative path beside the child, else the absolute path as it is; only files that exist. Network and
    /// device paths are not followed, so that a file from elsewhere cannot make this machine call another.</summary>
    public static string? ResolveBeside(string childPath, ParentLocator locator)
    {
        ArgumentNullException.ThrowIfNull(locator);
        var folder = Path.GetDirectoryName(Path.GetFullPath(childPath))!;
        if (locator.RelativePath is { Length: > 0 } relative && IsPlain(relative))
        {
            var local = OperatingSystem.IsWindows() ? relative : relative.Replace('\\', '/');
            if (!Path.IsPathRooted(local) && Existing(Path.Combine(folder, local)) is { } beside) return beside;
        }
        foreach (var path in new[] { locator.VolumePath, locator.AbsolutePath })
        {
            if (path is { Length: > 0 } && IsPlain(path) && LocalAbsolute(path) is { } local && Existing(local) is { } found) return found;
        }
        return null;
    }

    private static string? LocalAbsolute(string path)
    {
        if (!OperatingSystem.IsWindows())
        {
            var slashed = path.Replace('\\', '/');
            return slashed.StartsWith('/') && !slashed.StartsWith("//", StringComparison.Ordinal) ? slashed : null;
        }
        var bare = path.StartsWith(@"\\?\", StringComparison.Ordinal) ? path[4..] : path;
        var drive = bare.Length > 2 && char.IsAsciiLetter(bare[0]) && bare[1] == ':' && bare[2] == '\\';
        return drive || bare.StartsWith("Volume{", StringComparison.OrdinalIgnoreCase) ? path : null;
    }

    private static string? Existing(string path)
    {
        var full = Path.GetFullPath(path);
        return File.Exists(full) ? full : null;
    }

    private static bool IsPlain(string path) => !path.Contains('\0', StringComparison.Ordinal);

    private Guid? Id(string key) =>
        Entries.TryGetValue(key, out var text) && Guid.TryParse(text, out var id) && id != Guid.Empty ? id : null;
}
