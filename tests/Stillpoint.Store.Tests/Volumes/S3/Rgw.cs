using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>A Ceph object gateway, started once a run when a test first asks for it and stopped at its end.</summary>
public sealed class Rgw : IAsyncLifetime
{
    internal const string AccessKey = "AKTEST", SecretKey = "SKTEST";
    private static readonly string[] s_programs = ["ceph-mon", "ceph-osd", "ceph", "radosgw", "radosgw-admin", "ceph-authtool", "monmaptool"];
    private readonly Lazy<Task> _start;
    private string? _folder;
    private Process? _process;
    private int _buckets;

    public Rgw() => _start = new(StartAsync);

    internal int Port { get; private set; }

    internal Uri Endpoint => new($"http://127.0.0.1:{Port}/");

    public ValueTask InitializeAsync() => default;

    /// <summary>Skips the test where the packages are absent; else the gateway answers when it returns.</summary>
    internal Task ReadyAsync()
    {
        var missing = s_programs.FirstOrDefault(p => !Programs.Has(p));
        Assert.SkipUnless(missing is null, $"{missing} is not installed (packages ceph-mon, ceph-osd, radosgw, ceph-common)");
        return _start.Value;
    }

    /// <summary>Makes a bucket and gives its address with a prefix of its own.</summary>
    internal async Task<S3Address> BucketAsync(bool locked = false)
    {
        await ReadyAsync();
        using var client = Client();
        var name = $"stillpoint-{Environment.ProcessId}-{Interlocked.Increment(ref _buckets)}";
        await client.PutBucketAsync(new PutBucketRequest { BucketName = name, ObjectLockEnabledForBucket = locked });
        return S3Address.Parse($"s3+{Endpoint}{name}/units/one");
    }

    /// <summary>A client of the tests' own, to look and to spoil.</summary>
    internal AmazonS3Client Client(Uri? endpoint = null, string secret = SecretKey, string key = AccessKey, int retries = 5,
        Func<TimeSpan>? ahead = null) => new(
        new BasicAWSCredentials(key, secret),
        new AmazonS3Config
        {
            ServiceURL = (endpoint ?? Endpoint).AbsoluteUri,
            ForcePathStyle = true,
            AuthenticationRegion = "us-east-1",
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
            MaxErrorRetry = retries,
            HttpClientFactory = ahead is null ? null : new ShiftedClock(ahead),
        });

    public async ValueTask DisposeAsync()
    {
        if (_process is null) return;
        _process.StandardInput.Close();
        if (!_process.WaitForExit(10_000)) _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
        if (_folder is not null) Directory.Delete(_folder, recursive: true);
    }

    private async Task StartAsync()
    {
        _folder = Directory.CreateTempSubdirectory("stillpoint-rgw-").FullName;
        var ports = FreePorts(3);
        Port = ports[0];
        _process = Process.Start(new ProcessStartInfo(
            Path.Combine(Checkout.Root, "build", "rgw"), [_folder, .. ports.Select(p => p.ToString())])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        var errors = _process.StandardError.ReadToEndAsync();
        if (await _process.StandardOutput.ReadLineAsync() != "ready") throw new InvalidOperationException(
            $"the object gateway did not start: {await errors}");
    }

    private static int[] FreePorts(int count)
    {
        var listeners = Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToList();
        foreach (var listener in listeners) listener.Start();
        var ports = listeners.Select(l => ((IPEndPoint)l.LocalEndpoint).Port).ToArray();
        foreach (var listener in listeners) listener.Dispose();
        return ports;
    }
}

/// <summary>The tests that share the gateway; they run one at a time.</summary>
[CollectionDefinition(Name)]
public sealed class RgwTests : ICollectionFixture<Rgw>
{
    public const string Name = "rgw";
}
