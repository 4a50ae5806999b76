namespace Stillpoint.VirtualDisks;

internal static class HoleRuns
{
    /// <summary>Splits a run that lies at <paramref name="fileOffset"/> into what may hold data and what is a hole of the host file.</summary>
    internal static IEnumerable<OwnRun> Split(IDiskFile file, long diskOffset, long fileOffset, long length)
    {
        var at = fileOffset;
        var end = checked(fileOffset + length);
        while (at < end)
        {
            var data = file.NextData(at, end);
            if (data > at) yield return new OwnRun(diskOffset + (at - fileOffset), data - at, RunState.Zero);
            if (data == end) yield break;
            // A file system that contradicts itself must not hold us here.
            var hole = Math.Max(file.NextHole(data, end), data + 1);
            yield return new OwnRun(diskOffset + (data - fileOffset), hole - data, RunState.Here);
            at = hole;
        }
    }
}
