namespace Stillpoint.Lab;

/// <summary>Where the lab takes time and ids from.</summary>
/// <param name="Time">Clock and timers.</param>
/// <param name="NewId">New ids.</param>
internal sealed record LabClock(TimeProvider Time, Func<Guid> NewId)
{
    /// <summary>Now, UTC.</summary>
    public DateTimeOffset Now => Time.GetUtcNow();
}
