using Xunit.Sdk;
using Xunit.v3;

namespace Stillpoint.EndToEnd.Tests;

/// <summary>Puts the case that looks at what all the others left behind them.</summary>
public sealed class WholeUnitLast : ITestCaseOrderer
{
    /// <inheritdoc/>
    public IReadOnlyCollection<TTestCase> OrderTestCases<TTestCase>(IReadOnlyCollection<TTestCase> testCases)
        where TTestCase : notnull, ITestCase =>
        [.. testCases.OrderBy(c => c.TestMethod?.MethodName == nameof(KillMatrixTests.The_unit_is_whole_at_the_end))];
}
