using Stillpoint.Chunks;
using Stillpoint.Client;
using Stillpoint.Extents;
using Stillpoint.Model;

namespace Stillpoint.Roles.Tests.Client;

/// <summary>A base is sound or it is not used, and the image says why.</summary>
public sealed class BaseDecisionTests
{
    private static readonly DateTimeOffset s_now = new(2026, 3, 10, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void The_newest_image_with_a_note_is_the_base()
    {
        var (full, increment) = (Image(1, ImageType.Full, days: 3, "r1"), Image(2, ImageType.DifferentialIncremental, days: 1, "r2"));
        Assert.Same(increment, Choose(Order(ImageType.DifferentialIncremental), [increment, full], ["r2"]).Image);
    }

    [Fact]
    public void A_full_that_was_asked_for_needs_no_reason() =>
        Assert.Equal(new BaseChoice(null, null), Choose(Order(ImageType.Full), [Image(1, ImageType.Full, 1, "r1")], ["r1"]));

    [Fact]
    public void An_image_whose_release_failed_is_passed_over_for_the_base_before_it()
    {
        var (full, unreleased) = (Image(1, ImageType.Full, days: 3, "r1"), Image(2, ImageType.DifferentialIncremental, days: 1, null));
        Assert.Same(full, Choose(Order(ImageType.DifferentialIncremental), [unreleased, full], ["r1"]).Image);
    }

    [Theory]
    [InlineData("gone", "reference point is no longer on the host")]
    [InlineData("reverted", "a checkpoint was applied")]
    [InlineData("suspect", "damaged or suspect")]
    [InlineData("old", "older than 30 days")]
    [InlineData("off", "block-level incremental backup off")]
    [InlineData("none", "no earlier image")]
    public void On_any_doubt_everything_is_read_and_the_reason_is_said(string doubt, string reason)
    {
        var image = Image(1, ImageType.Full, days: doubt == "old" ? 31 : 1, "r1") with { Distrusted = doubt == "suspect" };
        var order = Order(ImageType.DifferentialIncremental) with { BlockLevelIncremental = doubt != "off" };
        var choice = BaseDecision.Choose(
            order, doubt == "none" ? [] : [image], doubt == "gone" ? new HashSet<string>() : new HashSet<string> { "r1" }, doubt == "reverted" ? "s1" : null, s_now);
        Assert.Null(choice.Image);
        Assert.Contains(reason, choice.Full?.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_cumulative_unites_the_images_since_the_last_full()
    {
        var full = Image(1, ImageType.Full, 3, "r1");
        var first = Image(2, ImageType.DifferentialIncremental, 2, "r2") is var a ? a with { Header = a.Header with { BaseImageId = full.Header.Id } } : null!;
        var second = Image(3, ImageType.CumulativeIncremental, 1, "r3") is var b ? b with { Header = b.Header with { BaseImageId = first.Header.Id } } : null!;
        Assert.Equal([second, first], BaseDecision.SinceLastFull(second, [second, first, full]));
        Assert.Null(BaseDecision.SinceLastFull(second, [second, full]));
        Assert.Empty(BaseDecision.SinceLastFull(full, [full])!);
    }

    private static BaseChoice Choose(BackupOrder order, IReadOnlyList<KnownImage> images, params IEnumerable<string> points) =>
        BaseDecision.Choose(order, images, points.ToHashSet(), null, s_now);

    private static BackupOrder Order(ImageType type) => new(
        Guid.Empty, Guid.Empty, Guid.Empty, "web", "nightly", BackupMethod.Wmi, type, true, ConsistencyPolicy.Application, GuestBackupType.Copy, true, 30,
        [], new DataAccess("127.0.0.1:1", "vault", [], []));

    private static KnownImage Image(int number, ImageType type, int days, string? referencePoint)
    {
        var id = new Guid(number, 0, 0, new byte[8]);
        var disk = new DiskDetails("web.vhdx", @"C:\web.vhdx", @"ctl\0\0", Guid.Empty, [], 512, ExtentSet.Whole(1 << 20), null);
        return new KnownImage(
            new ImageHeader(id, Guid.Empty, Guid.Empty, Guid.Empty, s_now.AddDays(-days), type, Consistency.Application, null, []),
            new ImageDetails("web", BackupMethod.Wmi, "host", "c", null, [disk], []),
            referencePoint is null ? null : new BaseNote(referencePoint, [new BaseNoteDisk(@"ctl\0\0", "rctX:1")]),
            Distrusted: false);
    }
}
