namespace Stillpoint.Model;

/// <summary>Which images of a VM stay: the newest ones, and the newest of each of the last so many hours, days, weeks (from Monday), months and
/// years, in UTC, in which there is one. An image stays when any of these wants it.</summary>
/// <param name="Last">Number of newest images.</param>
/// <param name="Hourly">Number of hours.</param>
/// <param name="Daily">Number of days.</param>
/// <param name="Weekly">Number of weeks.</param>
/// <param name="Monthly">Number of months.</param>
/// <param name="Yearly">Number of years.</param>
public sealed record RetentionPolicy(int Last = 0, int Hourly = 0, int Daily = 0, int Weekly = 0, int Monthly = 0, int Yearly = 0)
{
    /// <summary>Refuses a policy that keeps nothing, or numbers below zero.</summary>
    /// <exception cref="TroubleException">It does.</exception>
    public void Check()
    {
        int[] all = [Last, Hourly, Daily, Weekly, Monthly, Yearly];
        if (all.Any(n => n < 0)) throw new TroubleException("retention", "a number of images to keep is negative.", "give numbers from 0 up");
        if (all.All(n => n == 0)) throw new TroubleException("retention", "it keeps nothing.", "say what to keep, as with --keep-last 7; single images are given up with: stillpoint store expire");
    }
}
