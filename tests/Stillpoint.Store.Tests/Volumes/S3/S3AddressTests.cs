using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>Addresses of buckets.</summary>
public sealed class S3AddressTests
{
    [Theory]
    [InlineData("s3://bucket", "bucket", "", null, false)]
    [InlineData("s3://bucket/a/b/?region=eu-central-1", "bucket", "a/b/", null, false)]
    [InlineData("s3+https://host:9000/bucket/units", "bucket", "units/", "https://host:9000/", true)]
    [InlineData("s3+http://127.0.0.1:7480/bucket?style=virtual&checksums=always&profile=backup", "bucket", "", "http://127.0.0.1:7480/", false)]
    public void An_address_says_where_and_how(string text, string bucket, string prefix, string? endpoint, bool pathStyle)
    {
        var address = S3Address.Parse(text);
        Assert.Equal((bucket, prefix, endpoint, pathStyle), (address.Bucket, address.Prefix, address.Endpoint?.AbsoluteUri, address.PathStyle));
        Assert.Equal(address, S3Address.Parse(address.ToString()));
    }

    [Theory]
    [InlineData("s3://")]
    [InlineData("s3://x")]
    [InlineData("s3://bucket/a/../b")]
    [InlineData("s3://bucket/a b")]
    [InlineData("s3+https://host")]
    [InlineData("s3+https:///bucket")]
    [InlineData("s3+https://key:secret@host/bucket")]
    [InlineData("s3://bucket?secret=abc")]
    [InlineData("s3://bucket?region=")]
    [InlineData("s3://bucket?style=other")]
    public void What_is_no_address_is_refused(string text) =>
        Assert.Contains("s3://BUCKET/PREFIX", Assert.Throws<TroubleException>(() => S3Address.Parse(text)).Trouble.NextStep,
            StringComparison.Ordinal);

    [Theory]
    [InlineData("s3://ab/units", "'ab' is no name of a bucket: one has 3 to 63 letters")]
    [InlineData("s3://", "it names no bucket")]
    public void A_name_that_no_bucket_can_have_is_said(string text, string why) =>
        Assert.Contains(why, Assert.Throws<TroubleException>(() => S3Address.Parse(text)).Trouble.Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("/srv/unit")]
    [InlineData("unit")]
    [InlineData("s3")]
    public void A_directory_is_none(string text) => Assert.False(S3Address.Is(text));
}
