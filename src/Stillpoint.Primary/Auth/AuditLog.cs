using System.Security.Claims;
using Stillpoint.Catalog;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>Writes down who did what, after it was done; and what was refused to somebody who was known.</summary>
internal sealed class AuditLog(CatalogStore catalog, TimeProvider time)
{
    public Task Done(ClaimsPrincipal user, string action, string subject, string? detail = null) =>
        Write(Roles.NameOf(user), action, subject, refused: false, detail);

    public Task Refused(ClaimsPrincipal user, string what) => Write(Roles.NameOf(user), "refused", what, refused: true, null);

    public Task Write(string who, string action, string subject, bool refused, string? detail) => catalog.Audit.Add(new AuditEntry
    {
        At = time.GetUtcNow(),
        Who = who,
        Action = action,
        Subject = subject.Length > 256 ? subject[..256] : subject,
        Refused = refused,
        Detail = detail,
    });
}
