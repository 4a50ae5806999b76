using System.Diagnostics.CodeAnalysis;
using System.Xml.Linq;
using Stillpoint.Model;

namespace Stillpoint.HyperV;

/// <summary>
/// WS-Management for CIM, one request at a time. Get, whole enumerations and methods that only tell are repeated when the connection fails or
/// the host is busy, for they change nothing and hand nothing out before their end; any other method never is, for it may have been carried out.
/// </summary>
internal sealed class WsManClient : IDisposable
{
    /// <summary>What one pull may bring at most by a host's settings (winrm/config, MaxBatchItems); the envelope ends sooner.</summary>
    private const int MaxElements = 32_000;

    /// <summary>The longest answer of hosts before 2012, and of those whose administrator left it at that.</summary>
    private const int SmallEnvelope = 153_600;

    private static readonly TimeSpan[] RetryDelays = [TimeSpan.FromMilliseconds(250), TimeSpan.FromSeconds(1)];

    private readonly HyperVHostOptions _options;
    private readonly WsManTransport _transport;
    private readonly Func<Guid> _newId;
    private RequestEnvelope _requests;
    private readonly TimeProvider _time;
    private readonly ISchemaWitness? _witness;
    private readonly SemaphoreSlim _oneAtATime = new(1);

    public WsManClient(HyperVHostOptions options, TimeProvider time, Func<Guid> newId, ISchemaWitness? witness = null)
    {
        _options = options;
        _transport = new WsManTransport(options, time);
        _newId = newId;
        _requests = Requests(options.MaxEnvelopeBytes);
        _time = time;
        _witness = witness;
    }

    public void Dispose()
    {
        _transport.Dispose();
        _oneAtATime.Dispose();
    }

    /// <summary>One instance by its reference.</summary>
    /// <exception cref="WsManFaultException">The host refused; <see cref="WsManFault.IsNotFound"/> when the instance is not there.</exception>
    /// <exception cref="TroubleException">The host cannot be reached or understood.</exception>
    public Task<CimInstance> GetAsync(EndpointReference target, CancellationToken cancel)
    {
        _witness?.Reference(target);
        return RepeatAsync(async () =>
        {
            var (body, _) = await SendAsync(_requests.Get(target), cancel);
            return CimInstanceReader.Read(body ?? throw Unreadable("the answer to Get holds no instance"), _witness);
        }, cancel);
    }

    /// <summary>All instances of a class, those of its subclasses among them.</summary>
    public Task<IReadOnlyList<CimInstance>> EnumerateAsync(string resourceUri, CancellationToken cancel)
    {
        _witness?.Enumerated(resourceUri[(resourceUri.LastIndexOf('/') + 1)..]);
        return RepeatAsync(() => CollectAsync(resourceUri, () => _requests.EnumerateClass(resourceUri, MaxElements), cancel), cancel);
    }

    /// <summary>The instances that a WQL query names.</summary>
    /// <param name="anyClassUri">Resource URI that ends with <c>/*</c>.</param>
    /// <param name="query">SELECT, ASSOCIATORS OF or REFERENCES OF.</param>
    /// <param name="cancel">Stops; the enumeration is released.</param>
    public Task<IReadOnlyList<CimInstance>> QueryAsync(string anyClassUri, string query, CancellationToken cancel)
    {
        _witness?.Query(query);
        return RepeatAsync(() => CollectAsync(anyClassUri, () => _requests.EnumerateQuery(anyClassUri, query, MaxElements), cancel), cancel);
    }

    /// <summary>Calls a method; repeated only when it changes nothing.</summary>
    /// <returns>Its output parameters and <c>ReturnValue</c>.</returns>
    public Task<CimInstance> InvokeAsync(MethodCall call, CancellationToken cancel)
    {
        _witness?.Call(call);
        return call.ChangesNothing ? RepeatAsync(() => InvokeOnceAsync(call, cancel), cancel) : InvokeOnceAsync(call, cancel);
    }

    private async Task<CimInstance> InvokeOnceAsync(MethodCall call, CancellationToken cancel)
    {
        var (body, _) = await SendAsync(_requests.Invoke(call), cancel);
        if (body is null || body.Name.LocalName != call.Method + "_OUTPUT") throw Unreadable($"the answer is no {call.Method}_OUTPUT");
        return CimInstanceReader.Read(body, _witness);
    }

    private async Task<IReadOnlyList<CimInstance>> CollectAsync(string resourceUri, Func<byte[]> enumerate, CancellationToken cancel)
    {
        var items = new List<CimInstance>();
        string? context = null;
        try
        {
            var (response, total) = await SendAsync(enumerate(), cancel);
            if (response?.Name != WsNames.Enumeration + "EnumerateResponse") throw Unreadable("the answer is no EnumerateResponse");
            context = Take(response, items, previousContext: null);
            var empty = 0;
            while (context is not null)
            {
                var before = items.Count;
                (response, var length) = await PullAsync(resourceUri, context, cancel);
                if (response?.Name != WsNames.Enumeration + "PullResponse") throw Unreadable("the answer is no PullResponse");
                context = Take(response, items, context);
                // A pull may come back empty when the host ran out of time; a host that does so for ever is not waited for.
                empty = items.Count == before ? empty + 1 : 0;
                if (empty > 100) throw Unreadable("an enumeration goes on without giving instances");
                if ((total += length) > _options.MaxEnumerationBytes)
                    throw Unreadable($"an enumeration gives more than {_options.MaxEnumerationBytes} bytes");
            }
            return items;
        }
        catch when (context is not null)
        {
            await ReleaseAsync(resourceUri, context);
            throw;
        }
    }

    /// <summary>A pull that only ran out of the host's time is sent again: the host says so before it hands anything out.</summary>
    private async Task<(XElement? Body, long Length)> PullAsync(string resourceUri, string context, CancellationToken cancel)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return await SendAsync(_requests.Pull(resourceUri, context, MaxElements), cancel);
            }
            catch (WsManFaultException e) when (e.Fault.IsTimeout && attempt < RetryDelays.Length)
            {
            }
        }
    }

    /// <summary>Adds the items of an answer; returns the context to go on with, null at the end. Hosts put EndOfSequence into either
    /// namespace, leave the context out or empty it at the end, and change it between pulls or leave it out where it stays.</summary>
    private string? Take(XElement response, List<CimInstance> items, string? previousContext)
    {
        foreach (var list in response.Elements().Where(e => e.Name == WsNames.WsMan + "Items" || e.Name == WsNames.Enumeration + "Items"))
        {
            foreach (var element in list.Elements())
                items.Add(CimInstanceReader.Read(
                    element.Name == WsNames.WsMan + "Item" ? element.Elements().FirstOrDefault() ?? element : element, _witness));
        }
        if (response.Elements().Any(e => e.Name == WsNames.WsMan + "EndOfSequence" || e.Name == WsNames.Enumeration + "EndOfSequence")) return null;
        var context = response.Element(WsNames.Enumeration + "EnumerationContext")?.Value.Trim();
        return context is null ? previousContext : context.Length > 0 ? context : null;
    }

    [SuppressMessage("Design", "CA1031", Justification = "a courtesy: the host drops the context by itself, the first error is the one to tell")]
    private async Task ReleaseAsync(string resourceUri, string context)
    {
        try
        {
            using var brief = new CancellationTokenSource(TimeSpan.FromSeconds(5), _time);
            await SendAsync(_requests.Release(resourceUri, context), brief.Token);
        }
        catch (Exception)
        {
        }
    }

    private async Task<(XElement? Body, long Length)> SendAsync(byte[] envelope, CancellationToken cancel)
    {
        await _oneAtATime.WaitAsync(cancel);
        try
        {
            var answer = await _transport.PostAsync(envelope, cancel);
            return (EnvelopeReader.Body(answer.Envelope), answer.Length);
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    private async Task<T> RepeatAsync<T>(Func<Task<T>> read, CancellationToken cancel)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return await read();
            }
            catch (TroubleException e) when (e.Trouble.Retry && attempt < RetryDelays.Length)
            {
            }
            catch (WsManFaultException e) when (e.Fault.IsTimeout && attempt < RetryDelays.Length)
            {
            }
            catch (WsManFaultException e) when (e.Fault.IsTooLong && attempt == 0 && _options.MaxEnvelopeBytes > SmallEnvelope)
            {
                // The host's own limit is lower than what was asked for; every request from now on asks for less.
                _requests = Requests(SmallEnvelope);
                continue;
            }
            await Task.Delay(RetryDelays[attempt], _time, cancel);
        }
    }

    private RequestEnvelope Requests(int maxEnvelope) => new(_options.Url, maxEnvelope, _options.OperationTimeout, _newId);

    private static InvalidAnswerException Unreadable(string what) => new(what);
}
