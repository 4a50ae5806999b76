using Stillpoint.Store.Tests;

namespace Stillpoint.Roles.Tests.Fuzz;

/// <summary>The fixed share of the fuzzing of what comes over the wire; <c>build/fuzz-store</c> looks for more.</summary>
public sealed class WireFuzzTests
{
    private static readonly Lazy<IReadOnlyDictionary<string, FuzzTarget>> s_targets = new(() => WireTargets.All().ToDictionary(t => t.Name));

    public static TheoryData<string> Names => [.. s_targets.Value.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Spoiled_input_ends_in_an_answer_or_the_documented_refusal(string name) => FuzzShare.Run(s_targets.Value[name], rounds: 20_000, mostMemory: 4 << 20);
}
