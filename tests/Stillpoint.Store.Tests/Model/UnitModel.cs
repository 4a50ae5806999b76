namespace Stillpoint.Store.Tests;

/// <summary>
/// Two writers, one or two collectors, and images that are given up, over the order of writes of docs/INVARIANTS.md. A process takes its next
/// step at any time or never, which is a crash or a pause of any length; a collector may also forget all that it remembers and begin again,
/// which is a crash with a new start. Every state that can be reached is looked at.
/// </summary>
internal sealed class UnitModel(int writers, int collectors, Omission omission)
{
    private const int Done = 7;

    private readonly List<UInt128> _next = [];

    /// <summary>Number of states that were reached.</summary>
    public int States { get; private set; }

    /// <summary>The first broken invariant that is met, by the shortest way to it; null when all states hold.</summary>
    public string? Explore()
    {
        var start = Field.Packs.Set(0, 1);
        var seen = new HashSet<UInt128> { start };
        var queue = new Queue<UInt128>();
        queue.Enqueue(start);
        while (queue.TryDequeue(out var state))
        {
            if (Broken(state) is { } why) return why;
            _next.Clear();
            for (var w = 0; w < writers; w++) Writer(state, w);
            for (var c = 0; c < collectors; c++) Collector(state, c);
            Expire(state);
            foreach (var raw in _next)
            {
                var next = Plain(raw);
                if (seen.Add(next)) queue.Enqueue(next);
            }
        }
        States = seen.Count;
        return null;
    }

    /// <summary>Without what nobody will read again, so that states that differ in nothing else are one.</summary>
    private UInt128 Plain(UInt128 s)
    {
        for (var w = 0; w < writers; w++)
        {
            if (Field.WriterAt[w].Of(s) is not (5 or Done)) continue;
            s = Field.WriterBase[w].Set(Field.WriterListed[w].Set(Field.WriterCondemned[w].Set(s, 0), 0), 0);
        }
        for (var r = 0; r < collectors; r++)
        {
            if ((Field.HasWaits.Of(s) & 1 << r) == 0) s = Field.Waits[r].Set(s, 0);
            if ((Field.HasVerdict.Of(s) & 1 << r) == 0) s = Field.Verdict[r].Set(s, 0);
            var inUse = (Field.Round.Of(s) & 1 << r) != 0;
            for (var c = 0; c < collectors; c++) inUse |= Field.CollectorAt[c].Of(s) is > 3 and < 10 && Field.CollectorRound[c].Of(s) == r;
            if (!inUse) s = Field.GivenUp[r].Set(Field.Condemned[r].Set(s, 0), 0);
        }
        for (var c = 0; c < collectors; c++)
        {
            var at = Field.CollectorAt[c].Of(s);
            if (at is 4 or 5 or 8 or 9 or 10 or 11 or 12 or 13) s = Field.CollectorOthers[c].Set(s, 0);
            if (at is 4 or 5 or 11 or 12 or 13) s = Field.CollectorPacks[c].Set(s, 0);
            if (at > 3) s = Field.CollectorExpired[c].Set(s, 0);
        }
        return s;
    }

    private static string? Broken(UInt128 s)
    {
        if ((Field.Committed.Of(s) & Field.Fenced.Of(s)) != 0) return "a fenced session committed";
        return (Images(s) & ~Field.Expired.Of(s)) != 0 && Field.Packs.Of(s) == 0 ? "a needed pack was deleted" : null;
    }

    /// <summary>The committed images.</summary>
    private static int Images(UInt128 s) => 1 | Field.Committed.Of(s) << 1;

    private static int CondemnedNow(UInt128 s)
    {
        var round = Field.Round.Of(s);
        return ((round & 1) != 0 ? Field.Condemned[0].Of(s) : 0) | ((round & 2) != 0 ? Field.Condemned[1].Of(s) : 0);
    }

    private void Expire(UInt128 s)
    {
        var expired = Field.Expired.Of(s);
        for (var image = 1; image <= 2; image <<= 1)
            if ((Images(s) & image) != 0 && (expired & image) == 0 && image <= writers) _next.Add(Field.Expired.Set(s, expired | image));
    }

    private void Writer(UInt128 s, int w)
    {
        var (at, bit) = (Field.WriterAt[w], 1 << w);
        switch (at.Of(s))
        {
            case 0:
                // The session shows, then the rounds are read.
                _next.Add(at.Set(omission == Omission.SessionShowsLate ? SeeRounds(s, w) : Field.Begun.Set(s, Field.Begun.Of(s) | bit), 1));
                break;
            case 1:
                _next.Add(at.Set(omission == Omission.SessionShowsLate ? Field.Begun.Set(s, Field.Begun.Of(s) | bit) : SeeRounds(s, w), 2));
                break;
            case 2:
                _next.Add(at.Set(Field.WriterListed[w].Set(s, Field.Packs.Of(s)), 3));
                break;
            case 3:
                // X is there, or it is sent; or the image shares it with another that it builds on, which it may have chosen long ago.
                var there = Good(s, w, Field.WriterListed[w].Of(s));
                var own = 2 << w;
                _next.Add(at.Set(there ? s : Field.WriterListed[w].Set(Field.Packs.Set(s, Field.Packs.Of(s) | own), Field.WriterListed[w].Of(s) | own), 4));
                var others = Images(s) & 3 & ~own;
                for (var image = 1; image <= 2; image++)
                    if ((others & image) != 0) _next.Add(at.Set(Field.WriterBase[w].Set(s, image), 4));
                break;
            case 4:
                Check(s, w);
                break;
            case 5:
                if ((Field.Fenced.Of(s) & bit) == 0 || omission == Omission.FencedCommits) _next.Add(at.Set(Field.Committed.Set(s, Field.Committed.Of(s) | bit), Done));
                else _next.Add(at.Set(s, Done));
                break;
        }
    }

    private static UInt128 SeeRounds(UInt128 s, int w) => Field.WriterCondemned[w].Set(s, CondemnedNow(s));

    private bool Good(UInt128 s, int w, int packs) =>
        (packs & (omission == Omission.CondemnedHitsCount ? ~0 : ~Field.WriterCondemned[w].Of(s))) != 0;

    private void Check(UInt128 s, int w)
    {
        var packs = Field.Packs.Of(s);
        // Packs that it listed and that are gone, but for those it knew to be condemned, end the session.
        var sound = (Field.WriterListed[w].Of(s) & ~Field.WriterCondemned[w].Of(s) & ~packs) == 0;
        var basedOn = Field.WriterBase[w].Of(s);
        var proved = basedOn != 0 && ((Field.Expired.Of(s) & basedOn) == 0 || omission == Omission.ExpiredBaseProves);
        _next.Add(Field.WriterAt[w].Set(s, sound && (proved || Good(s, w, packs)) ? 5 : Done));
    }

    private void Collector(UInt128 s, int c)
    {
        var at = Field.CollectorAt[c];
        var r = Field.CollectorRound[c].Of(s);
        // Killed, and begun again. Of two, one that is killed is one that never goes on, and the other takes its round up.
        if (at.Of(s) is not 0 && collectors == 1) _next.Add(Forget(s, c));
        switch (at.Of(s))
        {
            case 0:
                for (var round = 0; round < collectors; round++)
                    if ((Field.Round.Of(s) & 1 << round) != 0) _next.Add(at.Set(Field.CollectorRound[c].Set(s, round), 4));
                if (Field.CollectorBegan[c].Of(s) == 0) _next.Add(at.Set(Field.CollectorExpired[c].Set(Field.CollectorRound[c].Set(s, c), Field.Expired.Of(s)), 1));
                break;
            case 1:
                _next.Add(at.Set(Field.CollectorOthers[c].Set(omission == Omission.WaitsListedEarly ? PutWaits(s, c) : s, CondemnedNow(s)), 2));
                break;
            case 2:
                _next.Add(at.Set(Field.CollectorPacks[c].Set(s, Field.Packs.Of(s)), 3));
                break;
            case 3:
                Plan(s, c);
                break;
            case 4:
                Wait(s, c, r);
                break;
            case 5:
                if ((Field.HasVerdict.Of(s) & 1 << r) != 0) _next.Add(TakeVerdict(s, c, r));
                else if (omission == Omission.NoSecondMark) _next.Add(PutVerdict(s, c, r, Field.Condemned[r].Of(s)));
                else if (omission == Omission.PacksListedFirst) _next.Add(at.Set(Field.CollectorPacks[c].Set(s, Field.Packs.Of(s)), 6));
                else _next.Add(at.Set(Field.CollectorOthers[c].Set(s, CondemnedNow(s)), 6));
                break;
            case 6:
                if (omission == Omission.PacksListedFirst) _next.Add(at.Set(Field.CollectorOthers[c].Set(s, CondemnedNow(s)), 7));
                else _next.Add(at.Set(Field.CollectorPacks[c].Set(s, Field.Packs.Of(s)), 7));
                break;
            case 7:
                // The mark; what it finds is remembered in place of the list.
                _next.Add(at.Set(Field.CollectorPacks[c].Set(s, Unneeded(s, c, r)), 8));
                break;
            case 8:
                if (omission == Omission.VerdictsDiffer) _next.Add(at.Set(s, 10));
                else if ((Field.HasVerdict.Of(s) & 1 << r) != 0) _next.Add(TakeVerdict(s, c, r));
                else _next.Add(PutVerdict(s, c, r, Field.CollectorPacks[c].Of(s)));
                break;
            case 9:
                if ((Field.Round.Of(s) & 1 << r) != 0 || omission == Omission.LateVerdictBinds) _next.Add(at.Set(s, 10));
                else _next.Add(Forget(Field.HasVerdict.Set(s, Field.HasVerdict.Of(s) & ~(1 << r)), c));
                break;
            case 10:
                Delete(s, c);
                break;
            case 11:
                _next.Add(at.Set(Field.HasWaits.Set(s, Field.HasWaits.Of(s) & ~(1 << r)), 12));
                break;
            case 12:
                _next.Add(at.Set(Field.Round.Set(s, Field.Round.Of(s) & ~(1 << r)), 13));
                break;
            case 13:
                _next.Add(Forget(Field.HasVerdict.Set(s, Field.HasVerdict.Of(s) & ~(1 << r)), c));
                break;
        }
    }

    private void Plan(UInt128 s, int c)
    {
        var free = Field.CollectorPacks[c].Of(s) & ~Field.CollectorOthers[c].Of(s);
        var needed = (Images(s) & ~Field.CollectorExpired[c].Of(s)) != 0;
        var keep = needed ? free & -free : 0;
        if ((free & ~keep) != 0) _next.Add(PutRound(s, c, free & ~keep));
        // Or what is kept is copied first, and goes too; one of the collectors shows it.
        if (keep == 0 || (Field.Packs.Of(s) & keep) == 0 || c > 0) return;
        _next.Add(PutRound(Field.Packs.Set(s, Field.Packs.Of(s) | 8 << c), c, free));
    }

    private UInt128 PutRound(UInt128 s, int c, int packs)
    {
        s = Field.Round.Set(s, Field.Round.Of(s) | 1 << c);
        s = Field.Condemned[c].Set(s, packs);
        s = Field.GivenUp[c].Set(s, Field.CollectorExpired[c].Of(s));
        return Field.CollectorAt[c].Set(Field.CollectorBegan[c].Set(s, 1), 4);
    }

    private static UInt128 PutWaits(UInt128 s, int round)
    {
        var open = Field.Begun.Of(s) & ~(Field.Committed.Of(s) | Field.Fenced.Of(s));
        return Field.Waits[round].Set(Field.HasWaits.Set(s, Field.HasWaits.Of(s) | 1 << round), open);
    }

    private void Wait(UInt128 s, int c, int r)
    {
        var at = Field.CollectorAt[c];
        if (omission == Omission.NoWait)
        {
            _next.Add(at.Set(s, 5));
            return;
        }
        if ((Field.HasWaits.Of(s) & 1 << r) == 0)
        {
            _next.Add(PutWaits(s, r));
            return;
        }
        var left = Field.Waits[r].Of(s) & ~(Field.Committed.Of(s) | Field.Fenced.Of(s));
        if (left == 0) _next.Add(at.Set(s, 5));
        // Patience may end at any moment: nothing is known of clocks.
        else _next.Add(Field.Fenced.Set(s, Field.Fenced.Of(s) | (left & -left)));
    }

    private int Unneeded(UInt128 s, int c, int r)
    {
        var givenUp = omission == Omission.LaterExpiryCounts ? Field.Expired.Of(s) : Field.GivenUp[r].Of(s);
        var listed = Field.CollectorPacks[c].Of(s);
        var others = omission == Omission.OtherRoundsCopiesCount ? Field.Condemned[r].Of(s) : Field.CollectorOthers[c].Of(s) | Field.Condemned[r].Of(s);
        var needed = (Images(s) & ~givenUp) != 0;
        return needed && (listed & ~others) == 0 ? 0 : Field.Condemned[r].Of(s) & listed;
    }

    private static UInt128 TakeVerdict(UInt128 s, int c, int r) => Field.CollectorAt[c].Set(Field.CollectorPacks[c].Set(s, Field.Verdict[r].Of(s)), 9);

    private static UInt128 PutVerdict(UInt128 s, int c, int r, int packs)
    {
        s = Field.Verdict[r].Set(Field.HasVerdict.Set(s, Field.HasVerdict.Of(s) | 1 << r), packs);
        return TakeVerdict(s, c, r);
    }

    /// <summary>All at once: an image needs one pack, so that no state in between shows more than the last.</summary>
    private void Delete(UInt128 s, int c) =>
        _next.Add(Field.CollectorAt[c].Set(Field.Packs.Set(s, Field.Packs.Of(s) & ~Field.CollectorPacks[c].Of(s)), 11));

    private static UInt128 Forget(UInt128 s, int c)
    {
        s = Field.CollectorAt[c].Set(Field.CollectorRound[c].Set(s, 0), 0);
        return Field.CollectorOthers[c].Set(Field.CollectorPacks[c].Set(Field.CollectorExpired[c].Set(s, 0), 0), 0);
    }
}
