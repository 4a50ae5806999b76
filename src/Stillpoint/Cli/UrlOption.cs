using System.CommandLine;

namespace Stillpoint.Cli;

/// <summary>An option that takes an https address, or an http one too where what is sent is sealed.</summary>
internal static class UrlOption
{
    public static Option<Uri> Create(string name, string description, bool orHttp = false) => new(name)
    {
        Description = description,
        HelpName = "URL",
        Required = true,
        CustomParser = argument =>
        {
            if (Uri.TryCreate(argument.Tokens[0].Value, UriKind.Absolute, out var url)
                && (url.Scheme == Uri.UriSchemeHttps || (orHttp && url.Scheme == Uri.UriSchemeHttp))) return url;
            argument.AddError($"{name}: '{argument.Tokens[0].Value}' is no {(orHttp ? "https or http" : "https")} address.");
            return null;
        },
    };
}
