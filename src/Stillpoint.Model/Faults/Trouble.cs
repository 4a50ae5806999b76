namespace Stillpoint.Model;

/// <summary>An error as a person needs it: in which phase, who is to blame, whether to try again, what to do next.</summary>
/// <param name="Phase">The phase that failed; null outside a job.</param>
/// <param name="Culprit">The part that is to blame: a host, a VM, a disk, a storage unit, a media server.</param>
/// <param name="Message">What went wrong.</param>
/// <param name="NextStep">What to do about it.</param>
/// <param name="Retry">True when the same call may succeed later without anybody doing anything.</param>
public sealed record Trouble(Phase? Phase, string Culprit, string Message, string NextStep, bool Retry = false)
{
    /// <summary>One line: <c>phase: culprit: message; next step</c>.</summary>
    public override string ToString() => $"{(Phase is { } p ? Words.Of(p) + ": " : "")}{Culprit}: {Message} Next: {NextStep}";
}

/// <summary>Carries a <see cref="Trouble"/> up. Layers add context, they never take it away.</summary>
public sealed class TroubleException : Exception
{
    /// <param name="trouble">What to tell.</param>
    /// <param name="inner">What caused it.</param>
    public TroubleException(Trouble trouble, Exception? inner = null)
        : base((trouble ?? throw new ArgumentNullException(nameof(trouble))).ToString(), inner) => Trouble = trouble;

    /// <param name="culprit">The part that is to blame.</param>
    /// <param name="message">What went wrong.</param>
    /// <param name="nextStep">What to do about it.</param>
    /// <param name="retry">True when the same call may succeed later.</param>
    /// <param name="inner">What caused it.</param>
    public TroubleException(string culprit, string message, string nextStep, bool retry = false, Exception? inner = null)
        : this(new Trouble(null, culprit, message, nextStep, retry), inner)
    {
    }

    /// <summary>What to tell.</summary>
    public Trouble Trouble { get; }

    /// <summary>The same trouble, said to be of <paramref name="phase"/> unless it has one.</summary>
    public TroubleException In(Phase phase) => Trouble.Phase is null ? new(Trouble with { Phase = phase }, this) : this;
}
