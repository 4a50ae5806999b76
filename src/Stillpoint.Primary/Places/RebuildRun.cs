using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using Stillpoint.Catalog;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>One rebuild's figures, and what it looks up once.</summary>
internal sealed class RebuildRun(string unit, IReadOnlyList<HostRecord> hosts, ILogger log)
{
    private readonly Dictionary<Guid, DomainKey?> _keys = [];
    private readonly Dictionary<Guid, string> _names = hosts.SelectMany(h => h.Inventory?.Vms ?? [])
        .GroupBy(v => v.Id).ToDictionary(same => same.Key, same => same.First().Name);
    private readonly List<ImageLeftOut> _leftOut = [];
    private int _manyLeftOut;

    public int Listed, Refreshed, Elsewhere, Unnamed;

    public string Unit => unit;

    public IReadOnlyList<HostRecord> Hosts => hosts;

    /// <summary>The name that a host says a VM has; null where none does.</summary>
    public string? NameOf(Guid vm) => _names.GetValueOrDefault(vm);

    /// <summary>A domain's key as it was when it was first asked for; null where there is none.</summary>
    public DomainKey? KeyOf(Guid domain, Func<Guid, DomainKey?> find)
    {
        if (!_keys.TryGetValue(domain, out var key)) _keys.Add(domain, key = find(domain));
        return key;
    }

    /// <summary>Reads from an image's bytes, which may be anything; false when that did not succeed, and the image is left out.</summary>
    public bool Try<T>(Guid image, Func<T> read, [MaybeNullWhen(false)] out T value)
    {
        try
        {
            value = read();
            return true;
        }
        catch (Exception e) when (e is TroubleException or OverflowException or ArgumentException)
        {
            LeaveOut(image, e is TroubleException trouble ? trouble.Trouble.Message : "It is damaged.");
            value = default;
            return false;
        }
    }

    /// <summary>False when an image is out of bounds, and is left out.</summary>
    public bool Sound(ImageSummary image)
    {
        if (JobReports.Flaw(image) is not { } flaw) return true;
        LeaveOut(image.Id, flaw);
        return false;
    }

    /// <summary>What became of it all.</summary>
    public RebuildReport Report(int images)
    {
        var unknown = _keys.Where(k => k.Value is null).Select(k => k.Key).Order().ToList();
        if (unknown.Count > 0) log.LogWarning("{Unit}: the keys of {Count} key domains are not here: their images have no names", unit, unknown.Count);
        if (_manyLeftOut > 0) log.LogWarning("{Unit}: {Count} images are not listed, each for its own reason", unit, _manyLeftOut);
        return new RebuildReport(images, Listed, Refreshed, Elsewhere, Unnamed, unknown) { LeftOut = _manyLeftOut, LeftOutImages = _leftOut };
    }

    private void LeaveOut(Guid image, string why)
    {
        log.LogWarning("{Unit}: image {Image} is not listed: {Why}", unit, image, why);
        if (++_manyLeftOut <= RebuildReport.MostNamed) _leftOut.Add(new ImageLeftOut(image, why));
    }
}
