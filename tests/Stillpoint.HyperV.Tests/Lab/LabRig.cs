using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Xml.Linq;

namespace Stillpoint.HyperV.Tests.Lab;

/// <summary>A lab in a folder of its own, with one VM over a small disk, and the few lines of WS-Management that a test needs. Shares nothing
/// with the product's client.</summary>
public sealed class LabRig : IAsyncLifetime
{
    public const string Prefix = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/";
    public const string Anonymous = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";
    public const int DiskLength = 24 << 20;
    public static readonly XNamespace S = "http://www.w3.org/2003/05/soap-envelope";
    public static readonly XNamespace A = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
    public static readonly XNamespace N = "http://schemas.xmlsoap.org/ws/2004/09/enumeration";
    public static readonly XNamespace W = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd";
    public static readonly XNamespace Xsi = "http://www.w3.org/2001/XMLSchema-instance";
    private readonly Random _ids = new(20261124);
    private HttpClient? _http;

    public string Folder { get; } = Directory.CreateTempSubdirectory("lab-").FullName;
    internal Stillpoint.Lab.LabServer Server { get; private set; } = null!;
    public HttpClient Http => _http!;

    public async ValueTask InitializeAsync()
    {
        var disk = new byte[DiskLength];
        new Random(7).NextBytes(disk.AsSpan(1 << 20, 2 << 20));
        await File.WriteAllBytesAsync(Path.Combine(Folder, "small.raw"), disk);
        await StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Directory.Delete(Folder, recursive: true);
    }

    public async Task StopAsync()
    {
        _http?.Dispose();
        await Server.DisposeAsync();
    }

    public async Task StartAsync()
    {
        using var random = RandomNumberGenerator.Create();
        Server = await Stillpoint.Lab.LabServer.StartAsync(new Stillpoint.Lab.LabOptions
        {
            DataFolder = Path.Combine(Folder, "lab"),
            Listen = new IPEndPoint(IPAddress.Loopback, 0),
            WithFixtures = false,
            Machines = [new Stillpoint.Lab.UserMachine("small", [Path.Combine(Folder, "small.raw")])],
            JobTime = TimeSpan.FromMilliseconds(20),
            MergeDelay = TimeSpan.FromMilliseconds(10),
            NewId = NextId,
            Random = random,
        });
        _http = NewClient(File.ReadAllText(Path.Combine(Folder, "lab", "password")).Trim());
    }

    public HttpClient NewClient(string password)
    {
        var pin = Server.Fingerprint;
        var handler = new HttpClientHandler
        {
            ServerCertificateCustomValidationCallback = (_, certificate, _, _) => certificate!.GetCertHashString(HashAlgorithmName.SHA256) == pin,
        };
        var http = new HttpClient(handler) { BaseAddress = Server.Address };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"Administrator:{password}")));
        return http;
    }

    public Guid NextId()
    {
        var bytes = new byte[16];
        lock (_ids) _ids.NextBytes(bytes);
        return new Guid(bytes);
    }

    /// <summary>Local path of a host path.</summary>
    public string Local(string hostPath) => Path.Combine(Server.PathMap[4..], hostPath[3..].Replace('\\', '/'));

    public async Task<(HttpStatusCode Status, XElement Envelope)> SoapAsync(
        string action, string className, string body = "", string selectors = "", int size = 153_600)
    {
        var envelope = $"""
            <s:Envelope xmlns:s="{S}" xmlns:a="{A}" xmlns:w="{W}" xmlns:n="{N}" xmlns:xsi="{Xsi}"><s:Header><a:To>https://lab/wsman</a:To>
            <w:ResourceURI s:mustUnderstand="true">{Prefix}{className}</w:ResourceURI><a:ReplyTo><a:Address>{Anonymous}</a:Address></a:ReplyTo>
            <a:Action s:mustUnderstand="true">{action}</a:Action><w:MaxEnvelopeSize>{size}</w:MaxEnvelopeSize><a:MessageID>uuid:1</a:MessageID>
            <w:OperationTimeout>PT60.000S</w:OperationTimeout>{selectors}</s:Header><s:Body>{body}</s:Body></s:Envelope>
            """;
        using var content = new StringContent(envelope, Encoding.UTF8, "application/soap+xml");
        using var answer = await Http.PostAsync("/wsman", content);
        return (answer.StatusCode, XElement.Parse(await answer.Content.ReadAsStringAsync()));
    }

    public async Task<XElement> GoodAsync(string action, string className, string body = "", string selectors = "")
    {
        var (status, envelope) = await SoapAsync(action, className, body, selectors);
        Assert.True(status == HttpStatusCode.OK, envelope.ToString());
        return envelope;
    }

    public async Task<string> FaultAsync(string action, string className, string body = "", string selectors = "", int size = 153_600)
    {
        var (status, envelope) = await SoapAsync(action, className, body, selectors, size);
        Assert.Equal(HttpStatusCode.InternalServerError, status);
        return envelope.Descendants(S + "Subcode").Single().Value;
    }

    public static string Enumerate => "http://schemas.xmlsoap.org/ws/2004/09/enumeration/Enumerate";
    public static string Pull => "http://schemas.xmlsoap.org/ws/2004/09/enumeration/Pull";
    public static string Get => "http://schemas.xmlsoap.org/ws/2004/09/transfer/Get";

    public static string Selectors(params (string Name, string Value)[] keys) =>
        $"<w:SelectorSet>{string.Concat(keys.Select(k => $"<w:Selector Name=\"{k.Name}\">{k.Value}</w:Selector>"))}</w:SelectorSet>";

    public static string Reference(string className, params (string Name, string Value)[] keys) =>
        $"<a:Address>{Anonymous}</a:Address><a:ReferenceParameters>"
        + $"<w:ResourceURI>{Prefix}{className}</w:ResourceURI>{Selectors(keys)}</a:ReferenceParameters>";

    /// <summary>All items of a WQL query, one Pull after the other.</summary>
    public async Task<List<XElement>> QueryAsync(string wql)
    {
        var text = wql.Replace("<", "&lt;", StringComparison.Ordinal);
        var filter = $"<w:Filter Dialect=\"http://schemas.microsoft.com/wbem/wsman/1/WQL\">{text}</w:Filter>";
        var first = await GoodAsync(Enumerate, "*", $"<n:Enumerate>{filter}</n:Enumerate>");
        var context = first.Descendants(N + "EnumerationContext").Single().Value;
        var items = new List<XElement>();
        while (true)
        {
            var page = await GoodAsync(Pull, "*",
                $"<n:Pull><n:EnumerationContext>{context}</n:EnumerationContext><n:MaxElements>50</n:MaxElements></n:Pull>");
            items.AddRange(page.Descendants(N + "Items").Single().Elements());
            if (page.Descendants(N + "EndOfSequence").Any()) return items;
        }
    }

    /// <summary>Calls a method of a service; parameters are inner XML by name.</summary>
    public async Task<XElement> InvokeAsync(string className, string method, params (string Name, string Xml)[] parameters) =>
        (await GoodAsync($"{Prefix}{className}/{method}", className, Input(className, method, parameters),
            Selectors(("CreationClassName", className))))
            .Element(S + "Body")!.Elements().Single();

    public static string Input(string className, string method, params (string Name, string Xml)[] parameters) =>
        $"<p:{method}_INPUT xmlns:p=\"{Prefix}{className}\">"
        + $"{string.Concat(parameters.Select(p => $"<p:{p.Name}>{p.Xml}</p:{p.Name}>"))}</p:{method}_INPUT>";

    /// <summary>Follows the job of an answer to its end and returns it.</summary>
    public async Task<XElement> FinishAsync(XElement output)
    {
        Assert.Equal("4096", Value(output, "ReturnValue"));
        var job = Element(output, "Job");
        var className = job.Descendants(W + "ResourceURI").Single().Value[Prefix.Length..];
        var id = job.Descendants(W + "Selector").Single().Value;
        while (true)
        {
            var instance = (await GoodAsync(Get, className, "", Selectors(("InstanceID", id)))).Element(S + "Body")!.Elements().Single();
            if (Value(instance, "JobState") != "4") return instance;
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>The key of what a finished job made.</summary>
    public async Task<string> CreatedAsync(XElement job, string key = "InstanceID")
    {
        Assert.True(Value(job, "JobState") == "7", Value(job, "ErrorDescription"));
        var links = await QueryAsync($"REFERENCES OF {{Msvm_ConcreteJob.InstanceID='{Value(job, "InstanceID")}'}} "
            + "WHERE ResultClass = Msvm_AffectedJobElement");
        return Element(links.Single(l => Value(l, "ElementEffects") == "5"), "AffectedElement").Descendants(W + "Selector")
            .Single(s => (string?)s.Attribute("Name") == key).Value;
    }

    public static XElement Element(XElement parent, string name) => parent.Elements().First(e => e.Name.LocalName == name);

    public static string Value(XElement parent, string name) => Element(parent, name).Value;

    public async Task<JsonNode> ControlAsync(string path, object? body = null, HttpStatusCode expected = HttpStatusCode.OK)
    {
        using var content = body is null ? null : new StringContent(JsonSerializer.Serialize(body), Encoding.UTF8, "application/json");
        using var answer = content is null ? await Http.GetAsync(path) : await Http.PostAsync(path, content);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == expected, $"{(int)answer.StatusCode} {text}");
        return JsonNode.Parse(text)!;
    }

    /// <summary>The VM as the controls show it.</summary>
    public async Task<JsonNode> VmAsync(string name = "small") =>
        (await ControlAsync("/lab/vms")).AsArray().Single(v => (string?)v!["name"] == name)!;

    /// <summary>Waits until nothing merges.</summary>
    public async Task<JsonNode> MergedAsync(string name = "small")
    {
        while (true)
        {
            var vm = await VmAsync(name);
            if (!(bool)vm["merging"]!) return vm;
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }
}
