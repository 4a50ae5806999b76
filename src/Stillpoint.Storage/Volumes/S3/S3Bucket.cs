using System.Net;
using System.Security.Cryptography;
using Amazon.S3;
using Amazon.S3.Model;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>The requests that a volume makes to its bucket, by names of objects; failures come as troubles.</summary>
internal sealed class S3Bucket(S3Address address, AmazonS3Client client, TimeProvider time) : IDisposable
{
    /// <summary>Metadata of an object: which call put it. Tells after a lost answer whether the object there is one's own.</summary>
    private const string PutBy = "stillpoint-put";

    private readonly ServerClock _clock = new(client, time);
    private bool? _versioned;

    public S3Address Address { get; } = address;

    /// <summary>How long what is written from now on is locked; null where nothing is.</summary>
    public TimeSpan? LockFor { get; set; }

    /// <summary>True when the bucket keeps every version of an object.</summary>
    public async ValueTask<bool> IsVersionedAsync(CancellationToken cancel)
    {
        if (_versioned is { } known) return known;
        var request = new GetBucketVersioningRequest { BucketName = Address.Bucket };
        try
        {
            var answer = await client.GetBucketVersioningAsync(request, cancel);
            _versioned = answer.VersioningConfig?.Status == VersionStatus.Enabled || answer.VersioningConfig?.Status == VersionStatus.Suspended;
        }
        catch (AmazonS3Exception e) when (e.StatusCode is HttpStatusCode.Forbidden or HttpStatusCode.NotImplemented
            && e.ErrorCode is "AccessDenied" or "NotImplemented")
        {
            // The first put tells: its answer names a version where there are versions.
            _versioned = false;
        }
        catch (Exception e) when (S3Trouble.Is(e, cancel))
        {
            throw S3Trouble.Of(Address, "reach the bucket", e);
        }
        return _versioned.Value;
    }

    /// <summary>The server's clock, asked now; null when it does not tell.</summary>
    public Task<DateTimeOffset?> ServerTimeAsync(CancellationToken cancel) => CallAsync("ask for the time", async () =>
    {
        await client.ListObjectsV2Async(new ListObjectsV2Request { BucketName = Address.Bucket, Prefix = Key(UnitNames.Configuration), MaxKeys = 1 }, cancel);
        return _clock.Now;
    }, cancel);

    /// <summary>Puts a whole object.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="bytes">All of it.</param>
    /// <param name="by">Names this call.</param>
    /// <param name="onlyNew">True to refuse when the name is taken; servers do not check that where the bucket is versioned.</param>
    /// <param name="locked">True to lock it where the volume locks.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>Its version, empty where there are none; null when the name is taken.</returns>
    public async Task<string?> PutAsync(string name, Buffered bytes, string by, bool onlyNew, bool locked, CancellationToken cancel)
    {
        for (var attempt = 1; ; attempt++)
        {
            var request = new PutObjectRequest
            {
                BucketName = Address.Bucket,
                Key = Key(name),
                InputStream = bytes.Stream(),
                UseChunkEncoding = Address.Checksums,
                IfNoneMatch = onlyNew ? "*" : null,
            };
            request.Metadata.Add(PutBy, by);
            if (locked && RetainUntil() is { } until)
            {
                request.ObjectLockMode = ObjectLockMode.Compliance;
                request.ObjectLockRetainUntilDate = until;
                request.MD5Digest = bytes.Digest();
            }
            try
            {
                var answer = await client.PutObjectAsync(request, cancel);
                if (Version(answer.VersionId) is { Length: > 0 } version)
                {
                    _versioned = true;
                    return version;
                }
                return "";
            }
            catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.PreconditionFailed)
            {
                return null;
            }
            catch (AmazonS3Exception e) when (e.ErrorCode == "ConditionalRequestConflict" && attempt < 10)
            {
                // Another put of the name is under way; who wins shows soon.
                await Task.Delay(TimeSpan.FromMilliseconds(50 * attempt), time, cancel);
            }
            catch (Exception e) when (S3Trouble.Is(e, cancel))
            {
                throw S3Trouble.Of(Address, $"write {name}", e);
            }
        }
    }

    /// <summary>Version and author of an object; null when it is not there.</summary>
    public Task<(string Version, string? By, long Length)?> HeadAsync(string name, string? version, CancellationToken cancel) =>
        CallAsync<(string, string?, long)?>($"look at {name}", async () =>
        {
            try
            {
                var head = await client.GetObjectMetadataAsync(
                    new GetObjectMetadataRequest { BucketName = Address.Bucket, Key = Key(name), VersionId = version }, cancel);
                return (Version(head.VersionId), head.Metadata[PutBy], head.ContentLength);
            }
            catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.NotFound && e.ErrorCode != "NoSuchBucket")
            {
                return null;
            }
        }, cancel);

    /// <summary>Bytes of an object from an offset on, as a stream; null when they would start at its end or later.</summary>
    /// <exception cref="FileNotFoundException">There is no such object.</exception>
    public async Task<GetObjectResponse?> OpenAsync(string name, string? version, long offset, int count, CancellationToken cancel)
    {
        var request = new GetObjectRequest
        {
            BucketName = Address.Bucket, Key = Key(name), VersionId = version, ByteRange = new ByteRange(offset, offset + count - 1),
        };
        try
        {
            var answer = await client.GetObjectAsync(request, cancel);
            if (answer.HttpStatusCode == HttpStatusCode.PartialContent || offset == 0) return answer;
            answer.Dispose();
            throw new IOException("the server does not know ranges");
        }
        catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            return null;
        }
        catch (AmazonS3Exception e) when (e.ErrorCode is "NoSuchKey" or "NoSuchVersion")
        {
            throw new FileNotFoundException($"{Address} holds no {name}", name, e);
        }
    }

    /// <summary>Every current object whose name begins with a prefix.</summary>
    public Task ListAsync(string prefix, Action<VolumeEntry> found, CancellationToken cancel) => CallAsync($"list {prefix}", async () =>
    {
        var request = new ListObjectsV2Request { BucketName = Address.Bucket, Prefix = Key(prefix) };
        while (true)
        {
            var page = await client.ListObjectsV2Async(request, cancel);
            foreach (var entry in page.S3Objects ?? []) found(new VolumeEntry(Name(entry.Key), entry.Size ?? 0, null, Time(entry.LastModified)));
            if (page.IsTruncated != true) return true;
            request.ContinuationToken = page.NextContinuationToken;
        }
    }, cancel);

    /// <summary>Every version of every object whose name begins with a prefix: by name, of one name the newest first.</summary>
    public Task ListVersionsAsync(string prefix, Action<VersionSeen> found, CancellationToken cancel) => CallAsync($"list versions of {prefix}",
        async () =>
    {
        var request = new ListVersionsRequest { BucketName = Address.Bucket, Prefix = Key(prefix) };
        while (true)
        {
            var page = await client.ListVersionsAsync(request, cancel);
            foreach (var v in page.Versions ?? [])
                found(new VersionSeen(Name(v.Key), v.VersionId, v.Size ?? 0, v.IsDeleteMarker == true, Time(v.LastModified)));
            if (page.IsTruncated != true) return true;
            request.KeyMarker = page.NextKeyMarker;
            request.VersionIdMarker = page.NextVersionIdMarker;
        }
    }, cancel);

    /// <exception cref="ObjectLockedException">That version is locked.</exception>
    public Task DeleteAsync(string name, string? version, CancellationToken cancel) => CallAsync($"delete {name}", async () =>
    {
        try
        {
            return await client.DeleteObjectAsync(new DeleteObjectRequest { BucketName = Address.Bucket, Key = Key(name), VersionId = version },
                cancel);
        }
        catch (AmazonS3Exception e) when (e.ErrorCode == "AccessDenied" && version is not null)
        {
            // Denied to this key, or locked: the object says which.
            if (await LockedUntilAsync(name, version, cancel) is not { } until) throw;
            throw new ObjectLockedException($"{name} of {Address} is locked until {until:u}", e);
        }
    }, cancel);

    /// <summary>Locks a version until the volume's lock period from now is over. A longer lock stays.</summary>
    public Task LockAsync(string name, string version, CancellationToken cancel) => RetainUntil() is not { } until
        ? Task.CompletedTask
        : CallAsync($"lock {name}", () => client.PutObjectRetentionAsync(
            new PutObjectRetentionRequest
            {
                BucketName = Address.Bucket,
                Key = Key(name),
                VersionId = version,
                Retention = new ObjectLockRetention { Mode = ObjectLockRetentionMode.Compliance, RetainUntilDate = until },
            },
            cancel), cancel);

    /// <summary>Until when a version is locked; null when it is not.</summary>
    public Task<DateTimeOffset?> LockedUntilAsync(string name, string version, CancellationToken cancel) => CallAsync<DateTimeOffset?>(
        $"look at the lock of {name}", async () =>
    {
        try
        {
            var answer = await client.GetObjectRetentionAsync(
                new GetObjectRetentionRequest { BucketName = Address.Bucket, Key = Key(name), VersionId = version }, cancel);
            return answer.Retention?.Mode == ObjectLockRetentionMode.Compliance && answer.Retention.RetainUntilDate is { } until
                ? new DateTimeOffset(until.ToUniversalTime())
                : null;
        }
        catch (AmazonS3Exception e) when (
            e.ErrorCode is "NoSuchObjectLockConfiguration" or "ObjectLockConfigurationNotFoundError" or "InvalidRequest")
        {
            return null;
        }
    }, cancel);

    /// <summary>True when the bucket was made with Object Lock.</summary>
    public Task<bool> CanLockAsync(CancellationToken cancel) => CallAsync("ask for Object Lock", async () =>
    {
        try
        {
            var answer = await client.GetObjectLockConfigurationAsync(new GetObjectLockConfigurationRequest { BucketName = Address.Bucket }, cancel);
            return answer.ObjectLockConfiguration?.ObjectLockEnabled == ObjectLockEnabled.Enabled;
        }
        catch (AmazonS3Exception e) when (e.ErrorCode == "ObjectLockConfigurationNotFoundError")
        {
            return false;
        }
    }, cancel);

    public Task<string> StartUploadAsync(string name, string by, CancellationToken cancel) => CallAsync($"start {name}", async () =>
    {
        var request = new InitiateMultipartUploadRequest { BucketName = Address.Bucket, Key = Key(name) };
        request.Metadata.Add(PutBy, by);
        if (UnitNames.IsLocked(name) && RetainUntil() is { } until)
        {
            request.ObjectLockMode = ObjectLockMode.Compliance;
            request.ObjectLockRetainUntilDate = until;
        }
        return (await client.InitiateMultipartUploadAsync(request, cancel)).UploadId;
    }, cancel);

    public Task<PartETag> UploadPartAsync(string name, string upload, int number, Buffered bytes, CancellationToken cancel) =>
        CallAsync($"write part {number} of {name}", async () =>
        {
            var request = new UploadPartRequest
            {
                BucketName = Address.Bucket, Key = Key(name), UploadId = upload, PartNumber = number, InputStream = bytes.Stream(),
                UseChunkEncoding = Address.Checksums,
            };
            var answer = await client.UploadPartAsync(request, cancel);
            return new PartETag(answer);
        }, cancel);

    /// <summary>Makes an object of its parts.</summary>
    /// <returns>False when there is no such upload any more: then it was done by an attempt whose answer was lost, or given up.</returns>
    public Task<bool> CompleteUploadAsync(string name, string upload, List<PartETag> parts, CancellationToken cancel) => CallAsync(
        $"complete {name}", async () =>
    {
        var request = new CompleteMultipartUploadRequest { BucketName = Address.Bucket, Key = Key(name), UploadId = upload, PartETags = parts };
        try
        {
            await client.CompleteMultipartUploadAsync(request, cancel);
            return true;
        }
        catch (AmazonS3Exception e) when (e.ErrorCode == "NoSuchUpload")
        {
            return false;
        }
    }, cancel);

    public Task AbortUploadAsync(string name, string upload, CancellationToken cancel) => CallAsync(
        $"give up {name}",
        () => client.AbortMultipartUploadAsync(new AbortMultipartUploadRequest { BucketName = Address.Bucket, Key = Key(name), UploadId = upload },
            cancel), cancel);

    /// <summary>Uploads under the volume's prefix that were begun before a time and never completed.</summary>
    public Task<List<(string Name, string Upload)>> StaleUploadsAsync(DateTimeOffset before, CancellationToken cancel) => CallAsync(
        "list unfinished uploads", async () =>
    {
        var stale = new List<(string, string)>();
        var request = new ListMultipartUploadsRequest { BucketName = Address.Bucket, Prefix = Address.Prefix };
        while (true)
        {
            var page = await client.ListMultipartUploadsAsync(request, cancel);
            foreach (var upload in page.MultipartUploads ?? [])
                if (upload.Initiated?.ToUniversalTime() < before.UtcDateTime) stale.Add((Name(upload.Key), upload.UploadId));
            if (page.IsTruncated != true) return stale;
            request.KeyMarker = page.NextKeyMarker;
            request.UploadIdMarker = page.NextUploadIdMarker;
        }
    }, cancel);

    public void Dispose() => client.Dispose();

    /// <summary>Runs a request; what it throws becomes a trouble.</summary>
    public async Task<T> CallAsync<T>(string doing, Func<Task<T>> call, CancellationToken cancel)
    {
        try
        {
            return await call();
        }
        catch (Exception e) when (S3Trouble.Is(e, cancel))
        {
            throw S3Trouble.Of(Address, doing, e);
        }
    }

    private string Key(string name) => Address.Prefix + name;

    private string Name(string key) => key[Address.Prefix.Length..];

    // By the server's clock, which decides when a lock is over: this machine's may be years off, and a lock that is too long stays.
    private DateTime? RetainUntil() => LockFor is { } span ? (_clock.Now ?? time.GetUtcNow()).Add(span).UtcDateTime : null;

    private static DateTimeOffset? Time(DateTime? time) => time is { } given ? new DateTimeOffset(given.ToUniversalTime()) : null;

    private static string Version(string? version) => version is null or "null" ? "" : version;

    /// <summary>Bytes to send, perhaps several times.</summary>
    internal readonly record struct Buffered(byte[] Bytes, int Count)
    {
        public MemoryStream Stream() => new(Bytes, 0, Count, writable: false);

        // Amazon S3 API reference, PutObject: a put with a retention period must carry Content-MD5. It guards against accidents only.
#pragma warning disable CA5351
        public string Digest() => Convert.ToBase64String(MD5.HashData(Bytes.AsSpan(0, Count)));
#pragma warning restore CA5351
    }

    /// <summary>A version in a list.</summary>
    internal readonly record struct VersionSeen(string Name, string Version, long Length, bool Deleted, DateTimeOffset? Stored);
}
