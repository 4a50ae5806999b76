using Stillpoint.Cli;

namespace Stillpoint.Store.Tests;

/// <summary>Numbers and their nouns.</summary>
public sealed class CountedTests
{
    [Theory]
    [InlineData(0, "0 packs")]
    [InlineData(1, "1 pack")]
    [InlineData(2, "2 packs")]
    public void One_is_one(long count, string said) => Assert.Equal(said, Counted.Of(count, "pack"));

    [Theory]
    [InlineData(12, "12 hours")]
    [InlineData(1, "1 hour")]
    [InlineData(24, "1 day")]
    [InlineData(36, "36 hours")]
    [InlineData(48, "2 days")]
    public void Days_are_said_where_they_are_whole(int hours, string said) => Assert.Equal(said, Counted.Time(TimeSpan.FromHours(hours)));
}
