using Stillpoint.Model;

namespace Stillpoint.HyperV;

/// <summary>Which errors mean that change tracking cannot answer, and a full read can (winerror.h, VIRTDISK facility). Any other error stays
/// one.</summary>
internal static class TrackingError
{
    private static readonly (uint Code, FullReadCause Cause, string Reason)[] Known =
    [
        (0xC03A0020, FullReadCause.TrackingReset, "change tracking was never started on the disk"),
        (0xC03A0021, FullReadCause.TrackingBroken, "the host's change log outgrew its limit"),
        (0xC03A0022, FullReadCause.ChangedOffline, "the disk was changed while no VM used it"),
        (0xC03A0023, FullReadCause.TrackingBroken, "the state of change tracking is invalid"),
        (0xC03A0024, FullReadCause.TrackingBroken, "the host's change tracking file is inconsistent"),
        (0xC03A0029, FullReadCause.TrackingStale, "the tracking id is not valid"),
        (0xC03A002A, FullReadCause.TrackingReset, "change tracking is switched off for the disk"),
        (0xC03A0030, FullReadCause.TrackingStale, "the disk does not know this tracking id"),
    ];

    /// <summary>What the error means for the read; null when it is no error of change tracking.</summary>
    public static FullRead? Read(HostCallException error) =>
        Known.FirstOrDefault(k => error.Has(k.Code)) is { Reason: { } reason } known ? new FullRead(known.Cause, reason) : null;

    /// <inheritdoc cref="Read(HostCallException)"/>
    public static FullRead? Read(WsManFaultException error) =>
        Known.FirstOrDefault(k => k.Code == error.Fault.WmiError || k.Code == error.Fault.Code) is { Reason: { } reason } known
            ? new FullRead(known.Cause, reason)
            : Read(new HostCallException("", 0, [error.Fault.Message]));
}
