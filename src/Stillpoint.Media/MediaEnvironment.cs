using Microsoft.Extensions.Logging;

namespace Stillpoint.Media;

/// <summary>What a media server takes from outside.</summary>
/// <param name="Time">The clock.</param>
/// <param name="NewId">Source of ids; random ones outside of tests.</param>
/// <param name="Jitter">Spreads reconnects.</param>
/// <param name="Log">Where it tells what it does.</param>
public sealed record MediaEnvironment(TimeProvider Time, Func<Guid> NewId, Random Jitter, ILogger Log);
