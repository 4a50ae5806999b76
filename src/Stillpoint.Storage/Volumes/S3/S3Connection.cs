using Amazon;
using Amazon.Runtime;
using Amazon.Runtime.CredentialManagement;
using Amazon.S3;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>Makes the client of an object store. Credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or from a profile; at
/// Amazon also from the machine's role.</summary>
internal static class S3Connection
{
    private const int Retries = 5;
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    /// <exception cref="TroubleException">There are no credentials.</exception>
    public static AmazonS3Client Open(S3Address address)
    {
        var settings = new AmazonS3Config
        {
            ForcePathStyle = address.PathStyle,
            RequestChecksumCalculation = address.Checksums ? RequestChecksumCalculation.WHEN_SUPPORTED : RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = address.Checksums ? ResponseChecksumValidation.WHEN_SUPPORTED : ResponseChecksumValidation.WHEN_REQUIRED,
            RetryMode = RequestRetryMode.Standard,
            MaxErrorRetry = Retries,
            Timeout = s_patience,
        };
        if (address.Endpoint is { } endpoint)
        {
            settings.ServiceURL = endpoint.AbsoluteUri;
            settings.AuthenticationRegion = address.Region ?? "us-east-1";
        }
        else if (address.Region is { } region)
        {
            settings.RegionEndpoint = RegionEndpoint.GetBySystemName(region);
        }
        try
        {
            return Credentials(address) is { } credentials ? new AmazonS3Client(credentials, settings) : new AmazonS3Client(settings);
        }
        catch (AmazonClientException e)
        {
            throw new TroubleException($"bucket {address}", e.Message, "set AWS_REGION and the credentials, or add ?region=NAME to the address",
                inner: e);
        }
    }

    /// <summary>Null to let the client look for them, as at Amazon.</summary>
    private static AWSCredentials? Credentials(S3Address address)
    {
        var given = Environment.GetEnvironmentVariable("AWS_ACCESS_KEY_ID") is { Length: > 0 }
            && Environment.GetEnvironmentVariable("AWS_SECRET_ACCESS_KEY") is { Length: > 0 };
        if (address.Profile is null && given) return new EnvironmentVariablesAWSCredentials();
        if (address.Profile is null && address.Endpoint is null) return null;
        var profile = address.Profile ?? Environment.GetEnvironmentVariable("AWS_PROFILE") ?? "default";
        if (new CredentialProfileStoreChain().TryGetAWSCredentials(profile, out var found)) return found;
        throw new TroubleException(
            $"bucket {address}",
            $"there are no credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set and there is no profile '{profile}'.",
            "set them in the environment, or add a profile to the credentials file and name it: ?profile=NAME");
    }
}
