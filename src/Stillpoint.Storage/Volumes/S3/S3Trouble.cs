using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using Amazon.Runtime;
using Amazon.S3;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>Says what an object store's failure means. Error codes: Amazon S3 API reference, "Error responses"; RGW uses the same.</summary>
internal static class S3Trouble
{
    /// <summary>True for what a call to the store may throw.</summary>
    public static bool Is(Exception e, CancellationToken cancel) =>
        e is AmazonServiceException or AmazonClientException or HttpRequestException
            or (IOException and not (VolumeException or FileNotFoundException or ObjectLockedException))
        || (e is OperationCanceledException && !cancel.IsCancellationRequested);

    /// <param name="address">The bucket.</param>
    /// <param name="doing">What was tried, as a verb: "read NAME".</param>
    /// <param name="error">What came of it.</param>
    public static VolumeException Of(S3Address address, string doing, Exception error)
    {
        var server = address.Endpoint?.Authority ?? "Amazon S3";
        var (why, next, retry) = error switch
        {
            AmazonS3Exception e => OfAnswer(e, address, server),
            AmazonUnmarshallingException => ($"what answers at {server} is no object store.",
                "correct the address: it is host and port of the S3 interface", false),
            OperationCanceledException => ($"{server} did not answer in time.", "check the network and the object store", true),
            _ => OfConnection(error, server),
        };
        return new VolumeException(new Trouble(null, $"bucket {address.Bucket} at {server}", $"could not {doing}: {why}", next, retry), error);
    }

    private static (string Why, string Next, bool Retry) OfAnswer(AmazonS3Exception e, S3Address address, string server) => e.ErrorCode switch
    {
        "NoSuchBucket" => ("there is no such bucket.", "make the bucket, or correct the address", false),
        "InvalidAccessKeyId" => ("the access key is not known there.", "check AWS_ACCESS_KEY_ID, or the profile, and the address", false),
        "SignatureDoesNotMatch" => ("the secret key is wrong.", "check AWS_SECRET_ACCESS_KEY, or the profile", false),
        "RequestTimeTooSkewed" or "RequestExpired" => ("the clocks of this machine and of the server differ too much.",
            "set the clock of this machine by a time server", false),
        "AuthorizationHeaderMalformed" or "PermanentRedirect" or "IllegalLocationConstraintException" =>
            ("the bucket is in another region.", "add ?region=NAME to the address", false),
        "QuotaExceeded" or "InsufficientCapacity" or "XMinioStorageFull" => ("its quota is used up: no space is left to write to.",
            "raise the quota or free space, then try again", true),
        "XAmzContentSHA256Mismatch" when address.Checksums => ("the server does not know trailing checksums.",
            "take checksums=always out of the address", false),
        "AccessDenied" or "AllAccessDisabled" when e.Message.Contains("object lock", StringComparison.OrdinalIgnoreCase) => (
            "the object is locked until its date.", "wait for the date", false),
        "AccessDenied" or "AllAccessDisabled" => (
            "access is denied.", "allow the key to list the bucket and its versions and uploads, and to get, put and delete objects in it", false),
        "SlowDown" or "ServiceUnavailable" or "InternalError" or "RequestTimeout" or "Throttling" => ($"{server} is overloaded ({e.ErrorCode}).",
            "try again later", true),
        // "NotFound" is the client's word for a 404 that says nothing in the protocol's own.
        _ when e.StatusCode == HttpStatusCode.MethodNotAllowed || string.IsNullOrEmpty(e.ErrorCode) || e.ErrorCode == "NotFound" =>
            ($"what answers at {server} is no object store (HTTP {(int)e.StatusCode}).",
                "correct the address: it is host and port of the S3 interface", false),
        _ => ($"{e.ErrorCode}: {e.Message} (HTTP {(int)e.StatusCode})", "look up the code with the maker of the object store",
            (int)e.StatusCode >= 500),
    };

    private static (string Why, string Next, bool Retry) OfConnection(Exception error, string server)
    {
        for (var e = error; e is not null; e = e.InnerException)
        {
            if (e is AuthenticationException)
                return ($"TLS to {server} failed: {e.Message}",
                    "check host and port, and that its certificate is trusted here (SSL_CERT_FILE names more authorities)", false);
            if (e is SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain })
                return ($"the name {server} is unknown.", "correct the address, or check the name service", false);
            if (e is SocketException refused) return ($"{server} cannot be reached: {refused.Message}",
                "check the address, the network and the object store", true);
        }
        if (error is AmazonClientException && error.Message.Contains("credentials", StringComparison.OrdinalIgnoreCase))
            return ("there are no credentials.", "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile: ?profile=NAME", false);
        return ($"the connection to {server} failed: {error.Message}", "check the network and the object store", true);
    }
}
