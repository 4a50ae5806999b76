using Stillpoint.VirtualDisks;

namespace Stillpoint.Cli;

/// <summary>Gives the failures of work on a disk's file the exit codes that scripts rely on, and a next step.</summary>
internal static class DiskFailures
{
    private const int SharingViolation = unchecked((int)0x80070020);

    public static int Guard(string path, Func<string, int> work)
    {
        try
        {
            return work(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Failed(ExitCodes.NotFound, e.Message, null);
        }
        catch (AmbiguousFormatException e)
        {
            throw Failed(ExitCodes.Failed, e.Message,
                $"Say which it is: {Option(e.Path, path)} {DiskReport.Word(e.ByName)}, or {DiskReport.Word(e.ByContent)}; or give it the name that fits.");
        }
        catch (ForeignFormatException e)
        {
            throw Failed(ExitCodes.Failed, e.Message,
                "Use a .vhdx, .vhd or raw file; qemu-img convert turns one into the other. If it is a raw disk that only looks so: --source-format raw");
        }
        catch (DiskFormatException e)
        {
            throw Failed(ExitCodes.Damaged, e.Message, e.Structure is "file identifier" or "footer"
                ? $"Run: stillpoint disk check {e.Path}, or if it is another format than its name says, say which: --source-format raw|vhd|vhdx"
                : $"Run: stillpoint disk check {e.Path}");
        }
        catch (IOException e) when (IsSharingViolation(e))
        {
            throw Failed(ExitCodes.Locked, $"{path} is open elsewhere.", "Close it there, or work on a checkpoint's parent.");
        }
        catch (ArgumentException e)
        {
            throw Failed(ExitCodes.Failed, Sentence(e), null);
        }
        catch (IOException e)
        {
            throw Failed(ExitCodes.Failed, e.Message, null);
        }
    }

    // A command on two files names the second one's format by another option.
    private static string Option(string culprit, string path) => culprit == path ? "--source-format" : "--source-format or --other-format";

    private static CommandFailedException Failed(int code, string message, string? next) =>
        new(code, PlainText.Of(message, oneLine: true), next is null ? null : PlainText.Of(next, oneLine: true));

    /// <summary>What is wrong, without the name that the argument has in the code.</summary>
    private static string Sentence(ArgumentException e)
    {
        var end = e.ParamName is null ? -1 : e.Message.IndexOf($" (Parameter '{e.ParamName}')", StringComparison.Ordinal);
        return (end < 0 ? e.Message : e.Message[..end]).TrimEnd('.') + ".";
    }

    // A lock that another holds: the HRESULT on Windows, EWOULDBLOCK of flock on Linux.
    private static bool IsSharingViolation(IOException e) => e.HResult is SharingViolation or 11;
}
