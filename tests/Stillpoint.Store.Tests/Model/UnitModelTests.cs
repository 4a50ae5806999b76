namespace Stillpoint.Store.Tests;

/// <summary>The order of writes of sessions, rounds and expiry, in every interleaving; and each safety step left out in turn, which must be seen.</summary>
public sealed class UnitModelTests
{
    [Theory]
    [InlineData(2, 1)]
    [InlineData(1, 2)]
    public void No_needed_pack_is_deleted_and_no_fenced_session_commits(int writers, int collectors)
    {
        Assert.True(Field.Total <= 128);
        var model = new UnitModel(writers, collectors, Omission.None);
        Assert.Null(model.Explore());
        Assert.True(model.States > 10_000, $"{model.States} states");
    }

    /// <summary>Each left-out step with the smallest model that shows it.</summary>
    public static TheoryData<string, int, int> Omissions
    {
        get
        {
            var data = new TheoryData<string, int, int>();
            foreach (var omission in Enum.GetValues<Omission>().Where(o => o != Omission.None))
            {
                var ofRounds = omission is Omission.OtherRoundsCopiesCount or Omission.PacksListedFirst or Omission.VerdictsDiffer or Omission.LateVerdictBinds;
                data.Add(omission.ToString(), ofRounds ? 1 : 2, ofRounds ? 2 : 1);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Omissions))]
    public void Without_any_one_step_it_breaks(string omission, int writers, int collectors) =>
        Assert.NotNull(new UnitModel(writers, collectors, Enum.Parse<Omission>(omission)).Explore());
}
