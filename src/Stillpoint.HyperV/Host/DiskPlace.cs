namespace Stillpoint.HyperV;

/// <summary>Where a disk is plugged in, read from its setting id: <c>CONTROLLER-GUID\NUMBER\LOCATION\D or L</c>.</summary>
public static class DiskPlace
{
    /// <summary>The emulated IDE controller has this instance id in every VM; all other disk controllers are SCSI.</summary>
    private const string IdeController = "83F8638B-8DCA-4152-9EDA-2CA8B33039B4";

    /// <summary>The places of a VM's disks, as <c>ide 0:1</c> and <c>scsi 0:3</c>. SCSI controllers are counted in the order of their ids, those
    /// with disks only. An id of another form gives the empty text.</summary>
    /// <param name="settingIds">Setting ids of one VM's disks, in any order; an owner in front is taken off.</param>
    public static IReadOnlyList<string> Of(IEnumerable<string> settingIds)
    {
        var parts = settingIds.Select(id => SettingsReader.SettingId(id).Split('\\')).ToList();
        var scsi = parts.Where(p => p.Length >= 3 && !IsIde(p[0])).Select(p => p[0].ToUpperInvariant()).Distinct().Order(StringComparer.Ordinal).ToList();
        return
        [
            .. parts.Select(p => p.Length < 3 ? ""
                : IsIde(p[0]) ? $"ide {p[1]}:{p[2]}"
                : $"scsi {scsi.IndexOf(p[0].ToUpperInvariant())}:{p[2]}"),
        ];
    }

    private static bool IsIde(string controller) => string.Equals(controller, IdeController, StringComparison.OrdinalIgnoreCase);
}
