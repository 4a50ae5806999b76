namespace Stillpoint.Model;

/// <summary>A key domain as lists show it.</summary>
/// <param name="Name">Its name at the primary server.</param>
/// <param name="Id">Its own id.</param>
/// <param name="Epoch">The epoch that new images are sealed under; each rotation counts it up.</param>
/// <param name="Locked">True when a passphrase locks its key file.</param>
/// <param name="Hosts">The hosts that seal with it.</param>
public sealed record KeyDomainView(string Name, Guid Id, int Epoch, bool Locked, IReadOnlyList<string> Hosts);
