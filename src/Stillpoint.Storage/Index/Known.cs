namespace Stillpoint.Storage;

/// <summary>What an index knows of a pack that it has seen.</summary>
/// <param name="Number">Its number; -1 when it cannot be used.</param>
/// <param name="Why">Why it cannot be used.</param>
/// <param name="Pending">True when the run that answered for it was dropped and its trailer is still to be read.</param>
internal readonly record struct Known(int Number, string? Why = null, bool Pending = false);
