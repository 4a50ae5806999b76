namespace Stillpoint.HyperV;

/// <summary>Which errors mean that change tracking cannot answer, and a full read can (winerror.h, VIRTDISK facility). Any other error stays
/// one.</summary>
internal static class TrackingError
{
    private static readonly (uint Code, string Reason)[] Known =
    [
        (0xC03A0020, "change tracking was never started on the disk"),
        (0xC03A0021, "the host's change log outgrew its limit"),
        (0xC03A0022, "the disk was changed while no VM used it"),
        (0xC03A0023, "the state of change tracking is invalid"),
        (0xC03A0024, "the host's change tracking file is inconsistent"),
        (0xC03A0029, "the tracking id is not valid"),
        (0xC03A002A, "change tracking is switched off for the disk"),
        (0xC03A0030, "the disk does not know this tracking id"),
    ];

    public static string? Reason(HostCallException error) => Known.FirstOrDefault(k => error.Has(k.Code)).Reason;

    public static string? Reason(WsManFaultException error)
    {
        if (Known.FirstOrDefault(k => k.Code == error.Fault.WmiError || k.Code == error.Fault.Code).Reason is { } reason) return reason;
        return Reason(new HostCallException("", 0, [error.Fault.Message]));
    }
}
