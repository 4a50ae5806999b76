using System.Text;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>
/// Address of a unit in a bucket: <c>s3://BUCKET/PREFIX</c> at Amazon, <c>s3+https://HOST:PORT/BUCKET/PREFIX</c> (or <c>s3+http</c>) elsewhere,
/// with settings behind a <c>?</c>: <c>region=NAME</c>, <c>profile=NAME</c>, <c>style=path|virtual</c> (path elsewhere, virtual at Amazon),
/// <c>checksums=always</c> (the trailing checksums that older servers refuse). It holds no credentials.
/// </summary>
/// <param name="Bucket">The bucket.</param>
/// <param name="Prefix">What all keys begin with: empty, or ends with <c>/</c>.</param>
/// <param name="Endpoint">Base address of the server; null for Amazon's.</param>
public sealed record S3Address(string Bucket, string Prefix, Uri? Endpoint)
{
    private const string Amazon = "s3://", Secure = "s3+https://", Plain = "s3+http://";
    private const int MaxLength = 1024, MaxPrefix = 200;

    /// <summary>Region that requests are signed for; null for the default of the profile or the server.</summary>
    public string? Region { get; init; }

    /// <summary>Profile of the credentials file; null for the environment or the default profile.</summary>
    public string? Profile { get; init; }

    /// <summary>True when the bucket stands in the path, false when it stands in the host's name.</summary>
    public bool PathStyle { get; init; }

    /// <summary>True to send and ask for checksums wherever the protocol has them, false only where it demands them.</summary>
    public bool Checksums { get; init; }

    /// <summary>True for what can only be meant as an address of a bucket.</summary>
    public static bool Is(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.StartsWith(Amazon, StringComparison.OrdinalIgnoreCase) || text.StartsWith(Secure, StringComparison.OrdinalIgnoreCase)
            || text.StartsWith(Plain, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>The address in a text.</summary>
    /// <exception cref="TroubleException">It is none.</exception>
    public static S3Address Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (!Is(text) || text.Length > MaxLength) throw Refused(text, "it is no address of a bucket.");
        var question = text.IndexOf('?', StringComparison.Ordinal);
        var place = question < 0 ? text : text[..question];
        var rest = place[(place.IndexOf("://", StringComparison.Ordinal) + 3)..];
        Uri? endpoint = null;
        if (!text.StartsWith(Amazon, StringComparison.OrdinalIgnoreCase))
        {
            var slash = rest.IndexOf('/', StringComparison.Ordinal);
            var scheme = text.StartsWith(Secure, StringComparison.OrdinalIgnoreCase) ? "https" : "http";
            if (slash < 1 || !Uri.TryCreate($"{scheme}://{rest[..slash]}/", UriKind.Absolute, out endpoint)) throw Refused(text,
                "it names no server and bucket.");
            if (endpoint.UserInfo.Length > 0) throw Refused(text, "it holds credentials, which do not belong in an address.");
            rest = rest[(slash + 1)..];
        }
        var parts = rest.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (parts.Length == 0) throw Refused(text, "it names no bucket.");
        if (!IsBucket(parts[0])) throw Refused(text, $"'{parts[0]}' is no name of a bucket: one has 3 to 63 letters, digits, '.', '-' and '_'.");
        var prefix = string.Concat(parts.Skip(1).Select(part => part + "/"));
        if (prefix.Length > MaxPrefix || !parts.Skip(1).All(IsPart)) throw Refused(text,
            "its prefix is not of letters, digits, '.', '-', '_' and '/'.");
        var address = new S3Address(parts[0], prefix, endpoint) { PathStyle = endpoint is not null };
        var settings = question < 0 ? [] : text[(question + 1)..].Split('&', StringSplitOptions.RemoveEmptyEntries);
        return settings.Aggregate(address, (a, setting) => a.With(setting, text));
    }

    /// <summary>The whole address.</summary>
    public override string ToString()
    {
        var text = new StringBuilder(Endpoint is null ? Amazon : $"s3+{Endpoint.GetLeftPart(UriPartial.Authority)}/");
        text.Append(Bucket);
        if (Prefix.Length > 0) text.Append('/').Append(Prefix.TrimEnd('/'));
        var separator = '?';
        Setting(Region is null ? null : $"region={Region}");
        Setting(Profile is null ? null : $"profile={Profile}");
        Setting(PathStyle == Endpoint is not null ? null : $"style={(PathStyle ? "path" : "virtual")}");
        Setting(Checksums ? "checksums=always" : null);
        return text.ToString();

        void Setting(string? setting)
        {
            if (setting is null) return;
            text.Append(separator).Append(setting);
            separator = '&';
        }
    }

    private S3Address With(string setting, string text) => setting.Split('=', 2) switch
    {
        ["region", var name] when IsPart(name) => this with { Region = name },
        ["profile", var name] when IsPart(name) => this with { Profile = name },
        ["style", "path"] => this with { PathStyle = true },
        ["style", "virtual"] => this with { PathStyle = false },
        ["checksums", "always"] => this with { Checksums = true },
        ["checksums", "required"] => this with { Checksums = false },
        _ => throw Refused(text, $"'{setting}' is no setting."),
    };

    private static bool IsBucket(string name) => name.Length is >= 3 and <= 63 && IsPart(name);

    private static bool IsPart(string part) => part is not ("." or "..") && part.Length > 0
        && part.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_');

    private static TroubleException Refused(string text, string why) => new(
        $"address {(text.Length > MaxLength ? text[..60] : text)}", why,
        "write s3://BUCKET/PREFIX, or s3+https://HOST:PORT/BUCKET/PREFIX with ?region=NAME, profile=NAME, style=virtual, checksums=always as needed");
}
