using System.CommandLine;

namespace Stillpoint.Cli;

/// <summary>An option that takes an https address.</summary>
internal static class UrlOption
{
    public static Option<Uri> Create(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "URL",
        Required = true,
        CustomParser = argument =>
        {
            if (Uri.TryCreate(argument.Tokens[0].Value, UriKind.Absolute, out var url) && url.Scheme == Uri.UriSchemeHttps) return url;
            argument.AddError($"{name}: '{argument.Tokens[0].Value}' is no https address.");
            return null;
        },
    };
}
