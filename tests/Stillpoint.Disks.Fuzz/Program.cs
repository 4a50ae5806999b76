using SharpFuzz;
using Stillpoint.Disks.Tests;

// afl-fuzz hands over one folded disk after another. Anything but an answer or a DiskFormatException is a crash that it keeps.
// Arguments: vhdx or vhd, read or write: four targets, so that none of them crowds out another.
var (vhd, write) = (args[0] == "vhd", args[1] == "write");
Fuzzer.OutOfProcess.Run(stream =>
{
    using var folded = new MemoryStream();
    stream.CopyTo(folded);
    var bytes = folded.ToArray();
    if (bytes.Length == 0) return;
    bytes[0] = (byte)(vhd ? bytes[0] | FoldedDisk.IsVhd : bytes[0] & ~FoldedDisk.IsVhd);
    var file = FoldedDisk.Unfold(bytes);
    if (write) FoldedDisk.ExerciseWriting(file);
    else FoldedDisk.Exercise(file);
});
