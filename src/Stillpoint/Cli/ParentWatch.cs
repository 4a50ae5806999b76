namespace Stillpoint.Cli;

/// <summary>A role that was started by a command of ours ends with it, however that ended: its standard input closes then.</summary>
internal static class ParentWatch
{
    /// <summary>Set by whoever starts a role through a pipe.</summary>
    public const string Variable = "STILLPOINT_STOP_WITH_STDIN";

    /// <summary>Ends this process when standard input closes, if the variable asks for it.</summary>
    public static void Start()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not "1") return;
        new Thread(() =>
        {
            var input = Console.OpenStandardInput();
            var buffer = new byte[64];
            while (input.Read(buffer) > 0)
            {
            }
            Environment.Exit(ExitCodes.Interrupted);
        })
        { IsBackground = true, Name = "parent watch" }.Start();
    }
}
