using CsCheck;

namespace Stillpoint.HyperV.Tests;

public sealed class CimTextTests
{
    [Fact]
    public void An_instance_is_written_in_the_documented_shape() => Assert.Equal(
        "<INSTANCE CLASSNAME=\"C\"><PROPERTY NAME=\"p\" TYPE=\"uint8\"><VALUE>1</VALUE></PROPERTY>"
        + "<PROPERTY.ARRAY NAME=\"a\" TYPE=\"string\"><VALUE.ARRAY><VALUE>x</VALUE></VALUE.ARRAY></PROPERTY.ARRAY></INSTANCE>",
        new EmbeddedInstance("C").Number("p", "uint8", 1).Texts("a", "x").ToString());

    [Fact]
    public void Null_empty_and_arrays_are_told_apart()
    {
        var read = EmbeddedInstance.Parse("<INSTANCE CLASSNAME=\"C\"><PROPERTY NAME=\"N\" PROPAGATED=\"true\" TYPE=\"uint64\"></PROPERTY>"
            + "<PROPERTY NAME=\"E\" TYPE=\"string\"><VALUE></VALUE></PROPERTY><PROPERTY.ARRAY NAME=\"A\" TYPE=\"string\">"
            + "<VALUE.ARRAY><VALUE>1</VALUE><VALUE>2</VALUE></VALUE.ARRAY></PROPERTY.ARRAY></INSTANCE>");
        Assert.Equal("C", read.ClassName);
        Assert.Null(read.Text("n"));
        Assert.Equal("", read.Text("e"));
        Assert.Equal(["1", "2"], read.Texts("a"));
    }

    [Fact]
    public void Any_text_comes_back_as_it_was() => Gen.String[Gen.Char[' ', '\uD7FF'], 0, 40].Array[1, 4].Sample(values =>
    {
        var text = new EmbeddedInstance("C").Text("one", values[0]).Texts("many", values).ToString();
        var read = EmbeddedInstance.Parse(text);
        Assert.Equal(values[0], read.Text("one"));
        Assert.Equal(values, read.Texts("many"));
    }, iter: 1000, seed: "0000JK0YlLu6");

    [Theory]
    [InlineData("2026-10-08T15:15:36.68424Z", "2026-10-08T15:15:36.6842400+00:00")]
    [InlineData("2026-10-08T15:15:36+09:00", "2026-10-08T06:15:36.0000000+00:00")]
    [InlineData("20261008151536.684240+540", "2026-10-08T06:15:36.6842400+00:00")]
    [InlineData("20261008151536.000000-060", "2026-10-08T16:15:36.0000000+00:00")]
    [InlineData("1601-01-01T00:00:00Z", "1601-01-01T00:00:00.0000000+00:00")]
    public void Times_are_read_in_both_forms(string text, string expected)
    {
        Assert.True(CimTime.TryParse(text, out var time));
        Assert.Equal(expected, time.ToString("O"));
    }

    [Theory]
    [InlineData("00010101000000.000000+540")]
    [InlineData("20261008151536.684240+999")]
    [InlineData("20269908151536.684240+000")]
    [InlineData("yesterday")]
    public void What_is_no_time_is_refused(string text) => Assert.False(CimTime.TryParse(text, out _));

    [Theory]
    [InlineData("P0DT0H5M0S", 300_000)]
    [InlineData("P0DT0H0M0.014947S", 14)]
    [InlineData("00000000000500.000000:000", 300_000)]
    [InlineData("00000001010203.500000:000", 90_123_500)]
    public void Intervals_are_read_in_both_forms(string text, long milliseconds)
    {
        Assert.True(CimTime.TryParseInterval(text, out var interval));
        Assert.Equal(milliseconds, (long)interval.TotalMilliseconds);
    }

    [Fact]
    public void A_name_cannot_become_a_part_of_a_query() => Assert.Equal(
        @"SELECT * FROM C WHERE N = 'a\\b\' OR \'1\'=\'1'", Wql.SelectWhere("C", "N", @"a\b' OR '1'='1"));

    [Theory]
    [InlineData(@"Microsoft:A1B2C3D4-0000-4000-8000-000000000001\83F8638B-8DCA-4152-9EDA-2CA8B33039B4\0\0\L",
        @"83F8638B-8DCA-4152-9EDA-2CA8B33039B4\0\0\L")]
    [InlineData(@"microsoft:x\y\z", @"y\z")]
    [InlineData("Microsoft:A1B2C3D4-0000-4000-8000-000000000001", "Microsoft:A1B2C3D4-0000-4000-8000-000000000001")]
    [InlineData(@"other\y", @"other\y")]
    public void The_slot_of_a_disk_does_not_depend_on_its_owner(string instanceId, string slot) =>
        Assert.Equal(slot, SettingsReader.SettingId(instanceId));
}
