namespace Stillpoint.Transport;

/// <summary>What a grant allows.</summary>
public enum GrantKind
{
    /// <summary>Read the images of one VM, put chunks, commit one image of it, put its base note.</summary>
    Backup,

    /// <summary>Read one image.</summary>
    Restore,
}

/// <summary>
/// The right to do one thing for one job, signed by the primary server with Ed25519. The media server takes VM, job, domain and image from
/// here, never from the client.
/// </summary>
/// <param name="Kind">What it allows.</param>
/// <param name="JobId">The job.</param>
/// <param name="Holder">Name of the client it was made for: the subject of its certificate.</param>
/// <param name="VmId">The VM.</param>
/// <param name="ImageId">Backup: the id that the new image will have. Restore: the image that may be read.</param>
/// <param name="Domain">The key domain.</param>
/// <param name="StorageUnit">Name of the storage unit.</param>
/// <param name="NotAfter">Past this it opens no new session, UTC.</param>
/// <param name="Epoch">The epoch of the domain's data key that a backup seals under; nothing else is taken from it.</param>
public sealed record JobGrant(
    GrantKind Kind, Guid JobId, string Holder, Guid VmId, Guid ImageId, Guid Domain, string StorageUnit, DateTimeOffset NotAfter, ushort Epoch = 0);
