using System.Globalization;

namespace Stillpoint.HyperV;

/// <summary>What methods return, in words. Two families: the snapshot and reference point services count from 1, all others from 32768.</summary>
internal static class ReturnCode
{
    public const long Done = 0;
    public const long JobStarted = 4096;

    public static bool IsAccessDenied(long code) => code is 32769;

    public static bool IsInvalidState(long code) => code is 5 or 32775 or 32774;

    public static bool IsTimeout(long code) => code is 3 or 32772;

    public static bool IsNotSupported(long code) => code is 1 or 32770;

    public static bool IsRefusedInput(long code) => code is 4 or 6 or 32773 or 32776;

    public static bool IsUnavailable(long code) => code is 32777 or 32778;

    public static bool IsFileMissing(long code) => code is 32779;

    public static string Words(long code)
    {
        var number = code > 0x7FFFFFFF ? $"0x{code:X8}" : code.ToString(CultureInfo.InvariantCulture);
        var words = code switch
        {
            1 or 32770 => "not supported",
            2 or 32768 => "failed",
            3 or 32772 => "timed out",
            4 or 32773 => "invalid parameter",
            5 or 32775 => "invalid state for this operation",
            6 => "invalid type",
            32769 => "access denied",
            32771 => "status unknown",
            32774 => "system in use",
            32776 => "incorrect data type",
            32777 => "system not available",
            32778 => "out of memory",
            32779 => "file not found or in use",
            _ => "an error",
        };
        return $"{words} ({number})";
    }
}
