using System.Net.Sockets;

namespace Stillpoint.Cli;

/// <summary>What to do about an error of the file system that nobody put into words of its own.</summary>
internal static class FileTrouble
{
    private const int UnixNoSpace = 28, UnixReadOnly = 30, UnixQuota = 122;
    private const int WindowsNoSpace = unchecked((int)0x80070070), WindowsHandleFull = unchecked((int)0x80070027);

    /// <summary>The next step.</summary>
    public static string NextStep(Exception failure) => failure switch
    {
        _ when failure.GetBaseException() is SocketException => "Give another address with --listen, or end what listens there.",
        DirectoryNotFoundException => "Make the folder first, or name another.",
        FileNotFoundException => "Check the name: nothing is there under it.",
        { HResult: UnixReadOnly } or { InnerException.HResult: UnixReadOnly } => "Name a place on a volume that can be written to.",
        { HResult: UnixNoSpace or UnixQuota or WindowsNoSpace or WindowsHandleFull } => "Free space there or name another place, then run it again.",
        UnauthorizedAccessException => "Run it as a user who may read and write there, or name another place.",
        _ => "Check the path and its volume, then run it again.",
    };
}
