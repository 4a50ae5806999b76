using Microsoft.Extensions.Logging;

namespace Stillpoint.Cli;

/// <summary>The log of a role: one line an event on standard error, as a service manager expects it.</summary>
internal static class RoleLog
{
    public static ILoggerFactory Create() => LoggerFactory.Create(builder => Configure(builder));

    /// <summary>The same log for a role that has a host builder of its own.</summary>
    public static void Configure(ILoggingBuilder builder)
    {
        builder.ClearProviders();
        builder.SetMinimumLevel(LogLevel.Information);
        builder.AddFilter("Microsoft", LogLevel.Warning);
        builder.AddFilter("System", LogLevel.Warning);
        builder.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
        });
        builder.Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(o => o.LogToStandardErrorThreshold = LogLevel.Trace);
    }
}
