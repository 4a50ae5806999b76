using Stillpoint.Chunks;

namespace Stillpoint.Transport;

/// <summary>What stands behind a data endpoint.</summary>
public interface IGrantedUnits
{
    /// <summary>The check for grants; null while the primary's key is not known yet.</summary>
    GrantVerifier? Grants { get; }

    /// <summary>Opens what a verified grant names, and nothing wider: an <see cref="IImageWriter"/> for a backup, an
    /// <see cref="IImageReader"/> for a restore. The endpoint disposes it.</summary>
    /// <exception cref="Model.TroubleException">The unit is not here or refuses.</exception>
    Task<IImageReader> OpenAsync(JobGrant grant, CancellationToken cancel);
}
