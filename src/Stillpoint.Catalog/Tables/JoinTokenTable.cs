using Microsoft.EntityFrameworkCore;

namespace Stillpoint.Catalog;

/// <summary>A one-time token without its secret.</summary>
/// <param name="Id">The token.</param>
/// <param name="Role"><c>client</c> or <c>media</c>.</param>
/// <param name="Name">The only name that it is good for; null for any.</param>
/// <param name="Created">When, UTC.</param>
/// <param name="Expires">Until when, UTC.</param>
/// <param name="Used">When it was used, UTC.</param>
/// <param name="UsedBy">The name that it was used for.</param>
public sealed record JoinTokenRecord(
    Guid Id, string Role, string? Name, DateTimeOffset Created, DateTimeOffset Expires, DateTimeOffset? Used, string? UsedBy);

/// <summary>One-time tokens of hosts and media servers.</summary>
public sealed class JoinTokenTable
{
    private readonly CatalogFile _file;

    internal JoinTokenTable(CatalogFile file) => _file = file;

    /// <summary>All tokens, newest first.</summary>
    public Task<IReadOnlyList<JoinTokenRecord>> List() => _file.Read<IReadOnlyList<JoinTokenRecord>>(async db =>
        [.. (await db.JoinTokens.OrderByDescending(t => t.Created).Take(1_000).ToListAsync()).Select(ToNoun)]);

    /// <summary>Adds a token.</summary>
    public Task Add(JoinTokenRecord token, byte[] hash) => _file.Write(db =>
    {
        db.JoinTokens.Add(new JoinTokenRow
        {
            Id = token.Id,
            Hash = hash,
            Role = token.Role,
            Name = token.Name,
            Created = token.Created,
            Expires = token.Expires,
        });
        return Task.CompletedTask;
    });

    /// <summary>Uses a token up. Of several that try at once exactly one gets it.</summary>
    /// <returns>The token; null when there is none such, it is over, was used, or is for another role or name.</returns>
    public Task<JoinTokenRecord?> Use(byte[] hash, string role, string name, DateTimeOffset now) => _file.Write(async db =>
    {
        var used = await db.JoinTokens
            .Where(t => t.Hash == hash && t.Used == null && t.Expires > now && t.Role == role && (t.Name == null || t.Name == name))
            .ExecuteUpdateAsync(set => set.SetProperty(t => t.Used, now).SetProperty(t => t.UsedBy, name));
        return used == 1 ? ToNoun(await db.JoinTokens.FirstAsync(t => t.Hash == hash)) : null;
    });

    private static JoinTokenRecord ToNoun(JoinTokenRow row) => new(row.Id, row.Role, row.Name, row.Created, row.Expires, row.Used, row.UsedBy);
}
