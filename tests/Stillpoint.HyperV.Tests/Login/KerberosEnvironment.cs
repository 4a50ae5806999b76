using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Stillpoint.HyperV.Tests.Login;

/// <summary>
/// Where the Kerberos libraries of this process look: a folder of our own, which a test may fill, and never the machine's settings. Set before
/// anything else runs, for other threads read the environment later.
/// </summary>
internal static class KerberosEnvironment
{
    public static string Folder { get; } = Path.Combine(Path.GetTempPath(), $"stillpoint-krb5-{Environment.ProcessId}");

    public static string Settings => Path.Combine(Folder, "krb5.conf");

    public static string KeyTab => Path.Combine(Folder, "keytab");

    [ModuleInitializer]
    internal static void Set()
    {
        if (!OperatingSystem.IsLinux()) return;
        _ = SetEnv("KRB5_CONFIG", Settings, 1);
        _ = SetEnv("KRB5_KTNAME", KeyTab, 1);
        _ = SetEnv("KRB5CCNAME", "MEMORY:none", 1);
    }

    /// <summary>The runtime's own call changes its copy of the environment only.</summary>
    [DllImport("libc", EntryPoint = "setenv", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetEnv(string name, string value, int overwrite);
}
