using System.CommandLine;
using System.CommandLine.Parsing;
using Stillpoint.Cli;

namespace Stillpoint.EndToEnd.Tests;

/// <summary>Every command in a code block of the README and of docs/ is one that the command line takes.</summary>
public sealed class DocumentedCommandsTests
{
    private static readonly char[] s_synopsis = ['[', ']'];

    [Fact]
    public void Every_documented_command_parses()
    {
        var wrong = new List<string>();
        var seen = 0;
        foreach (var (place, line) in Pages().SelectMany(Commands))
        {
            seen++;
            wrong.AddRange(Findings(line).Select(f => $"{place}: {line}\n    {f}"));
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        // README alone has more: fewer means that the blocks were not found.
        Assert.True(seen >= 15, $"only {seen} commands were found");
    }

    [Theory]
    [InlineData("stillpoint policy create nightly --storage-unit vault --vmm HOST/web")]
    [InlineData("stillpoint backup everything")]
    [InlineData("stillpoint lab [--data DIR] [--lisen ADDRESS:PORT]")]
    [InlineData("stillpoint store restore /srv/unit")]
    public void A_command_that_is_not_there_is_found(string line) => Assert.NotEmpty(Findings(line));

    private static IEnumerable<string> Pages() => Directory.GetFiles(Path.Combine(Checkout.Root, "docs"), "*.md").Prepend(Path.Combine(Checkout.Root, "README.md"));

    /// <summary>The lines in code blocks that start the product, a continued one joined; comments cut off.</summary>
    private static IEnumerable<(string Place, string Line)> Commands(string page)
    {
        var inBlock = false;
        var number = 0;
        var joined = "";
        foreach (var raw in File.ReadLines(page))
        {
            number++;
            if (raw.StartsWith("```", StringComparison.Ordinal)) inBlock = !inBlock;
            var line = joined + raw.Trim();
            joined = "";
            if (!inBlock || !(line.StartsWith("stillpoint ", StringComparison.Ordinal) || line.StartsWith("./stillpoint ", StringComparison.Ordinal))) continue;
            if (line.EndsWith('\\'))
            {
                joined = line[..^1];
                continue;
            }
            yield return ($"{Path.GetFileName(page)}:{number}", line.Split(" #")[0].TrimEnd());
        }
    }

    [Fact]
    public void A_noun_alone_is_the_branch_of_that_name()
    {
        foreach (var noun in StillpointCommand.Create().Subcommands)
            Assert.Equal(noun.Name, Assert.Single(StillpointCommand.Create(noun.Name).Subcommands).Name);
    }

    /// <summary>What is wrong with a command. A synopsis (with brackets) has placeholders for numbers, so only its names are looked at; an
    /// ellipsis stands for any arguments.</summary>
    private static IEnumerable<string> Findings(string line)
    {
        var root = StillpointCommand.Create();
        if (line.IndexOfAny(s_synopsis) >= 0) return Synopsis(root, line);
        var arguments = CommandLineParser.SplitCommandLine(line).Skip(1).TakeWhile(a => a != "…").ToArray();
        return arguments.Length == 0 ? [] : root.Parse(arguments).Errors.Select(e => e.Message);
    }

    private static IEnumerable<string> Synopsis(RootCommand root, string line)
    {
        Command command = root;
        foreach (var word in line.Split([' ', '[', ']'], StringSplitOptions.RemoveEmptyEntries).Skip(1).TakeWhile(w => w != "…"))
        {
            if (command.Subcommands.FirstOrDefault(c => c.Name == word) is { } next) command = next;
            else if (word.StartsWith('-') && !root.Options.Concat(command.Options).Any(o => o.Name == word || o.Aliases.Contains(word)))
                yield return $"{command.Name} has no option {word}";
        }
        if (command == root) yield return "names no command";
    }
}
