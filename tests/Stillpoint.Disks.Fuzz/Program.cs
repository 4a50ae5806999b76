using SharpFuzz;
using Stillpoint.Disks.Tests;

// afl-fuzz hands over one folded disk after another. Anything but an answer or a DiskFormatException is a crash that it keeps.
Fuzzer.OutOfProcess.Run(stream =>
{
    using var folded = new MemoryStream();
    stream.CopyTo(folded);
    FoldedDisk.Exercise(FoldedDisk.Unfold(folded.ToArray()));
});
