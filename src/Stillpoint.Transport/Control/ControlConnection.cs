using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>
/// A role's connection to its primary server: opened from here, kept for as long as the process lives, opened again with a growing and
/// jittered delay whenever it breaks. <see cref="IPrimaryCalls.Hello"/> is the first call on every connection. Calls that the order of
/// writes depends on (intents, outcomes) wait for the next connection and are sent again until the primary answers; phases, progress and log
/// lines are sent if there is a connection and dropped otherwise, because nothing on a host waits for them and the report at the end of a
/// job carries all phases.
/// </summary>
public sealed class ControlConnection : IAsyncDisposable
{
    private static readonly TimeSpan s_firstDelay = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan s_longestDelay = TimeSpan.FromSeconds(10);
    private readonly Func<RoleHello> _hello;
    private readonly TimeProvider _time;
    private readonly Random _jitter;
    private readonly ILogger _log;
    private readonly MutualWebSockets _sockets;
    private readonly HubConnection _hub;
    private readonly LongAnswers _answers;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _sync = new();
    private TaskCompletionSource<RoleWelcome> _connected = New();
    private TaskCompletionSource _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task? _running;
    private int _disposed;

    /// <param name="primary">Base address of the primary, https.</param>
    /// <param name="identity">Who we are; its authority is the one that the primary must be of.</param>
    /// <param name="hello">What to say on each connection.</param>
    /// <param name="time">What delays are measured with.</param>
    /// <param name="jitter">Spreads the reconnects of many hosts.</param>
    /// <param name="log">Where connects and losses are told.</param>
    public ControlConnection(Uri primary, RoleIdentity identity, Func<RoleHello> hello, TimeProvider time, Random jitter, ILogger log)
    {
        ArgumentNullException.ThrowIfNull(primary);
        ArgumentNullException.ThrowIfNull(identity);
        _hello = hello;
        _time = time;
        _jitter = jitter;
        _log = log;
        _sockets = new MutualWebSockets(identity);
        _answers = new LongAnswers(time, log);
        var builder = new HubConnectionBuilder().WithUrl(new Uri(primary, ControlProtocol.Path), options =>
        {
            options.Transports = Microsoft.AspNetCore.Http.Connections.HttpTransportType.WebSockets;
            options.SkipNegotiation = true;
            options.WebSocketFactory = _sockets.ConnectAsync;
        });
        builder.AddJsonProtocol(options => Words.Configure(options.PayloadSerializerOptions));
        _hub = builder.Build();
        _hub.KeepAliveInterval = ControlProtocol.KeepAlive;
        _hub.ServerTimeout = ControlProtocol.Silence;
        _hub.Closed += OnClosed;
        Primary = new PrimaryCalls(this, _stop.Token);
    }

    /// <summary>The primary; waits of durable calls end when the connection is disposed.</summary>
    public IPrimaryCalls Primary { get; }

    /// <summary>Told of each welcome, before anything else happens on that connection. Set before <see cref="Start"/>.</summary>
    public Action<RoleWelcome> OnWelcome { get; set; } = _ => { };

    /// <summary>True while there is a connection that the primary has welcomed.</summary>
    public bool IsConnected => CurrentWelcome().IsCompletedSuccessfully;

    internal HubConnection Hub => _hub;

    internal ILogger Log => _log;

    /// <summary>The primary, for calls that are given up when <paramref name="cancel"/> fires.</summary>
    public IPrimaryCalls Until(CancellationToken cancel) => new PrimaryCalls(this, cancel);

    /// <summary>Says who answers the primary's calls to a client. Before <see cref="Start"/>.</summary>
    public void Handle(IClientCalls handler) => new CallHandlers(_hub, CallHandlers.Client, _answers, _log).Bind(handler);

    /// <summary>Says who answers the primary's calls to a media server. Before <see cref="Start"/>.</summary>
    public void Handle(IMediaCalls handler) => new CallHandlers(_hub, CallHandlers.Media, _answers, _log).Bind(handler);

    /// <summary>Connects, and keeps connecting until <see cref="DisposeAsync"/>. Returns at once.</summary>
    public void Start() => _running ??= Task.Run(KeepAsync);

    /// <summary>The primary's welcome, of the connection there is or of the next one.</summary>
    public Task<RoleWelcome> WelcomedAsync(CancellationToken cancel) => CurrentWelcome().WaitAsync(cancel);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        await _stop.CancelAsync();
        if (_running is not null) await _running;
        await _hub.DisposeAsync();
        _answers.Dispose();
        _sockets.Dispose();
        _stop.Dispose();
    }

    internal Task Pause(int attempt, CancellationToken cancel) => Task.Delay(Delay(attempt), _time, cancel);

    private static TaskCompletionSource<RoleWelcome> New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Task<RoleWelcome> CurrentWelcome()
    {
        lock (_sync) return _connected.Task;
    }

    private async Task KeepAsync()
    {
        var attempt = 0;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var lost = await ConnectAsync();
                attempt = 0;
                await lost.WaitAsync(_stop.Token);
                _log.LogWarning("The connection to the primary server is lost; connecting again.");
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                if (attempt is 0 or 5 || attempt % 60 == 0) _log.LogWarning("The primary server cannot be reached: {Reason}", Reason(e));
                await StopHubAsync();
            }
            try
            {
                await Pause(attempt++, _stop.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task<Task> ConnectAsync()
    {
        lock (_sync) _lost = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await _hub.StartAsync(_stop.Token);
        var welcome = await _hub.InvokeAsync<RoleWelcome>(nameof(IPrimaryCalls.Hello), _hello(), _stop.Token);
        OnWelcome(welcome);
        lock (_sync)
        {
            if (!_lost.Task.IsCompleted) _connected.TrySetResult(welcome);
            _log.LogInformation("Connected to the primary server, version {Version}.", welcome.Version);
            return _lost.Task;
        }
    }

    private Task OnClosed(Exception? reason)
    {
        lock (_sync)
        {
            if (_connected.Task.IsCompleted) _connected = New();
            _lost.TrySetResult();
        }
        return Task.CompletedTask;
    }

    private async Task StopHubAsync()
    {
        try
        {
            await _hub.StopAsync(CancellationToken.None);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            _log.LogDebug(e, "Stopping a connection that did not come about.");
        }
    }

    private TimeSpan Delay(int attempt)
    {
        var whole = Math.Min(s_firstDelay.TotalMilliseconds * Math.Pow(2, Math.Min(attempt, 20)), s_longestDelay.TotalMilliseconds);
        lock (_jitter) return TimeSpan.FromMilliseconds(whole * (0.5 + (_jitter.NextDouble() / 2)));
    }

    private static string Reason(Exception e) =>
        TroubleWire.TryRead(e, out var trouble) ? trouble.ToString() : e.InnerException is { } inner ? $"{e.Message} ({inner.Message})" : e.Message;
}
