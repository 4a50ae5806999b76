using System.CommandLine;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary>An option that takes a number of bytes as people write it.</summary>
internal static class SizeOption
{
    public static Option<long> Create(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "SIZE",
        CustomParser = argument =>
        {
            if (Bytes.TryParse(argument.Tokens[0].Value, out var size)) return size;
            argument.AddError($"{name}: '{argument.Tokens[0].Value}' is no size. Write it as 65536, 200K, 4M or 1.5G.");
            return 0;
        },
    };
}
