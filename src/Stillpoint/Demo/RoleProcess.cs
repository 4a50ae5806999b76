using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using Stillpoint.Cli;

namespace Stillpoint.Demo;

/// <summary>A role started as a process of its own from this very executable. It ends with this process: its standard input is a pipe that
/// closes when we end, however we end. What it says goes to a log file beside its data.</summary>
internal sealed partial class RoleProcess : IAsyncDisposable
{
    private const int Terminate = 15;
    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_stopLimit = TimeSpan.FromSeconds(15);
    private readonly Process _process;
    private readonly Task _log;

    private RoleProcess(string name, string data, Process process, Task log) => (Name, Data, _process, _log) = (name, data, process, log);

    /// <summary>The product's executable: the one beside this code, also where a test runs it.</summary>
    public static string Executable { get; } = Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "stillpoint.exe" : "stillpoint");

    /// <summary>The role's name.</summary>
    public string Name { get; }

    /// <summary>Its data folder.</summary>
    public string Data { get; }

    /// <summary>Its process id.</summary>
    public int Id => _process.Id;

    /// <summary>True when it has ended.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>How it ended; 128 and the signal's number where a signal ended it. Only once it has ended.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>Where its output goes.</summary>
    public string LogPath => LogOf(Data);

    /// <summary>Starts a role and returns when it wrote its addresses.</summary>
    /// <param name="role">The command: <c>lab</c>, <c>primary</c>, <c>media</c> or <c>client</c>.</param>
    /// <param name="data">Its data folder; made when it is not there.</param>
    /// <param name="arguments">Its further arguments.</param>
    /// <param name="environment">Variables of its own; null for none.</param>
    /// <param name="cancel">Stops waiting and ends the process.</param>
    public static async Task<RoleProcess> StartAsync(
        string role, string data, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment, CancellationToken cancel)
    {
        Directory.CreateDirectory(data);
        var endpoints = Path.Combine(data, "endpoints.json");
        File.Delete(endpoints);
        var start = new ProcessStartInfo(Executable)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (var argument in (string[])[role, "--data", data, .. arguments]) start.ArgumentList.Add(argument);
        start.Environment[ParentWatch.Variable] = "1";
        foreach (var (key, value) in environment ?? new Dictionary<string, string>()) start.Environment[key] = value;
        var process = Process.Start(start) ?? throw new InvalidOperationException($"{role} could not be started.");
        var started = new RoleProcess(role, data, process, LogAsync(process, LogOf(data)));
        try
        {
            await started.WaitAsync(endpoints, cancel);
            return started;
        }
        catch
        {
            await started.DisposeAsync();
            throw;
        }
    }

    /// <summary>A value out of the addresses that the role wrote.</summary>
    public string Endpoint(string key)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Data, "endpoints.json")));
        return document.RootElement.GetProperty(key).GetString()!;
    }

    /// <summary>Highest resident memory so far, bytes; 0 where the system does not tell.</summary>
    public long PeakMemory()
    {
        try
        {
            var line = File.ReadLines($"/proc/{_process.Id}/status").FirstOrDefault(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
            return line is null ? 0 : long.Parse(line.Split(':', StringSplitOptions.TrimEntries)[1].Split(' ')[0]) * 1024;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    /// <summary>Kills it at once, as a crash would.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        await _log;
    }

    /// <summary>Waits until it ended by itself; false when the time is over.</summary>
    public async Task<bool> WaitForExitAsync(TimeSpan limit)
    {
        using var stop = new CancellationTokenSource(limit);
        try
        {
            await _process.WaitForExitAsync(stop.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            if (!OperatingSystem.IsWindows()) _ = SendSignal(_process.Id, Terminate);
            else _process.StandardInput.Close();
            if (!await WaitForExitAsync(s_stopLimit)) _process.Kill();
            await _process.WaitForExitAsync();
        }
        await _log;
        _process.Dispose();
    }

    private static string LogOf(string data) => data.TrimEnd('/', '\\') + ".log";

    private static async Task LogAsync(Process process, string path)
    {
        var output = Channel(process.StandardOutput, process.StandardError);
        await using var log = new StreamWriter(new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite)) { AutoFlush = true };
        await foreach (var line in output.ReadAllAsync()) await log.WriteLineAsync(line);
    }

    private static System.Threading.Channels.ChannelReader<string> Channel(params StreamReader[] readers)
    {
        var channel = System.Threading.Channels.Channel.CreateUnbounded<string>();
        var copies = readers.Select(async reader =>
        {
            while (await reader.ReadLineAsync() is { } line) channel.Writer.TryWrite(line);
        });
        _ = Task.WhenAll(copies).ContinueWith(_ => channel.Writer.Complete(), TaskScheduler.Default);
        return channel.Reader;
    }

    private async Task WaitAsync(string endpoints, CancellationToken cancel)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!File.Exists(endpoints))
        {
            if (_process.HasExited)
            {
                await _log;
                throw new CommandFailedException(
                    ExitCodes.Failed, $"{Name} ended with exit code {_process.ExitCode} instead of starting: {LastWords()}", $"Read {LogPath}.");
            }
            if (TimeProvider.System.GetElapsedTime(started) > s_startLimit)
                throw new CommandFailedException(ExitCodes.Failed, $"{Name} did not start within {s_startLimit.TotalSeconds} s.", $"Read {LogPath}.");
            await Task.Delay(20, cancel);
        }
    }

    private string LastWords() => File.Exists(LogPath) ? string.Join(" ", File.ReadLines(LogPath).TakeLast(3)) : "it said nothing.";

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int process, int signal);
}
