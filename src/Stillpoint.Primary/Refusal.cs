using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>A request that is not done, and why: the same for the API and whatever else asks.</summary>
internal sealed class Refusal : Exception
{
    public Refusal(int status, Trouble trouble, IReadOnlyList<string>? findings = null)
        : base(trouble.ToString()) => (Status, Trouble, Findings) = (status, trouble, findings ?? []);

    /// <summary>HTTP status.</summary>
    public int Status { get; }

    /// <summary>What to tell.</summary>
    public Trouble Trouble { get; }

    /// <summary>All findings where several things are wrong.</summary>
    public IReadOnlyList<string> Findings { get; }

    /// <param name="noun">The command line's noun.</param>
    /// <param name="name">What was asked for.</param>
    /// <param name="listedBy">The noun whose list shows it, where that is another one.</param>
    public static Refusal NotFound(string noun, string name, string? listedBy = null) =>
        new(404, new Trouble(null, $"{noun} {Shown(name)}", "There is none of that name or id.",
            $"List what there is: stillpoint {listedBy ?? noun} list."));

    public static Refusal Invalid(string culprit, IReadOnlyList<string> findings) =>
        new(400, new Trouble(null, culprit, string.Join(' ', findings), "Mend what is named and send it again."), findings);

    public static Refusal Invalid(string culprit, string message, string next) => new(400, new Trouble(null, culprit, message, next));

    public static Refusal Conflict(string culprit, string message, string next) => new(409, new Trouble(null, culprit, message, next));

    public static Refusal Unavailable(string culprit, string message, string next) =>
        new(503, new Trouble(null, culprit, message, next, Retry: true));

    private static string Shown(string name) => $"'{new string([.. name.Take(80).Select(c => char.IsControl(c) ? '?' : c)])}'";
}
