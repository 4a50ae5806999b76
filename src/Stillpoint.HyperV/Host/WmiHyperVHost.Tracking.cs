using Stillpoint.Extents;
using Stillpoint.Model;

namespace Stillpoint.HyperV;

internal sealed partial class WmiHyperVHost
{
    /// <summary>Past this, reading the disk in full costs less than the list.</summary>
    private const int MostRanges = 16 * 1024 * 1024;

    private const int MostQuestions = 1_000_000;
    private const long ShortestWindow = 1024 * 1024;

    /// <inheritdoc/>
    public Task<IReadOnlyList<ReferencePoint>> ListReferencePointsAsync(Guid vmId, CancellationToken cancel) =>
        host.ForAsync(vmId, "list its reference points", async () =>
        {
            var system = HyperVNames.System(HyperVNames.ComputerSystem, vmId);
            var rows = await host.QueryAsync(Wql.Associators(system, "Msvm_ReferencePointOfVirtualSystem", HyperVNames.ReferencePoint), cancel);
            return (IReadOnlyList<ReferencePoint>)[.. rows.Select(SettingsReader.ReferencePoint)];
        });

    /// <inheritdoc/>
    public Task<ReferencePoint> ConvertToReferencePointAsync(string checkpointId, CancellationToken cancel) =>
        host.ForAsync(null, $"turn checkpoint {checkpointId} into a reference point", async () =>
        {
            var result = await host.CallAsync(new MethodCall(Snapshots, "ConvertToReferencePoint",
                MethodParameter.Reference("AffectedSnapshot", HyperVNames.Instance(HyperVNames.Settings, checkpointId))), cancel);
            var made = await host.CreatedAsync(result, "ResultingReferencePoint", HyperVNames.ReferencePoint, cancel)
                ?? throw new InvalidAnswerException("the host made a reference point but does not say which");
            return SettingsReader.ReferencePoint(await host.GetAsync(made, cancel));
        });

    /// <inheritdoc/>
    public Task DestroyReferencePointAsync(string referencePointId, CancellationToken cancel) =>
        host.ForAsync(null, $"remove reference point {referencePointId}", () => host.CallAsync(
            new MethodCall(ReferencePoints, "DestroyReferencePoint",
                MethodParameter.Reference("AffectedReferencePoint", HyperVNames.Instance(HyperVNames.ReferencePoint, referencePointId))), cancel));

    /// <inheritdoc/>
    public Task<ExtentSet> GetChangesAsync(string diskPath, string trackingId, long diskLength, CancellationToken cancel) =>
        host.ForAsync(null, $"tell what changed on {diskPath}", async () =>
        {
            ArgumentOutOfRangeException.ThrowIfNegative(diskLength);
            var ranges = new ChangeList(diskLength);
            var window = diskLength;
            long offset = 0;
            for (var question = 0; offset < diskLength; question++)
            {
                if (question == MostQuestions) throw new InvalidAnswerException($"the list of changes of {diskPath} does not end");
                window = Math.Min(window, diskLength - offset);
                try
                {
                    offset += await TakeChangesAsync(new Extent(offset, window), diskPath, trackingId, ranges, cancel);
                }
                catch (WsManFaultException e) when (e.Fault.IsTooLong && window > ShortestWindow)
                {
                    window /= 2; // the host's own limit of an answer is lower than what we allow it: ask for less of the disk
                }
                if (ranges.Count > MostRanges) throw new TrackingLostException(new FullRead(FullReadCause.TrackingBroken, $"the host names more than {MostRanges} changed ranges"));
            }
            return ranges.ToSet();
        });

    /// <summary>Asks for the changes in a window, adds them, and returns how many bytes of the window the answer speaks of.</summary>
    private async Task<long> TakeChangesAsync(Extent window, string path, string trackingId, ChangeList ranges, CancellationToken cancel)
    {
        CimInstance answer;
        try
        {
            // When a job did the work, the arrays still stand in the call's own answer.
            answer = (await host.CallAsync(new MethodCall(Images, "GetVirtualDiskChanges",
                MethodParameter.Text("Path", path),
                MethodParameter.Text("LimitId", trackingId),
                MethodParameter.Number("ByteOffset", window.Offset),
                MethodParameter.Number("ByteLength", window.Length)), cancel)).Output;
        }
        catch (HostCallException e) when (TrackingError.Read(e) is { } read)
        {
            throw new TrackingLostException(read, e);
        }
        catch (WsManFaultException e) when (TrackingError.Read(e) is { } read)
        {
            throw new TrackingLostException(read, e);
        }
        var offsets = answer.Numbers("ChangedByteOffsets");
        var lengths = answer.Numbers("ChangedByteLengths");
        if (offsets.Count != lengths.Count) throw new InvalidAnswerException($"{offsets.Count} offsets of changes, but {lengths.Count} lengths");
        for (var i = 0; i < offsets.Count; i++)
        {
            if (lengths[i] > long.MaxValue - offsets[i]) throw new InvalidAnswerException($"a change of {lengths[i]} bytes at {offsets[i]}");
            ranges.Add(offsets[i], lengths[i]);
        }
        var processed = answer.Number("ProcessedByteLength") ?? throw new InvalidAnswerException("the list of changes does not say how far it goes");
        if (processed == 0) throw new InvalidAnswerException($"the list of changes gets stuck at byte {window.Offset}");
        return Math.Min(processed, window.Length);
    }
}
