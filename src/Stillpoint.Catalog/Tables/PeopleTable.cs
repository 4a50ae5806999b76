using Microsoft.EntityFrameworkCore;
using Stillpoint.Model;

namespace Stillpoint.Catalog;

/// <summary>Accounts and bearer tokens. Secrets are never here: passwords as a slow salted hash, tokens as SHA-256 of 32 random bytes.</summary>
public sealed class PeopleTable
{
    private readonly CatalogFile _file;

    internal PeopleTable(CatalogFile file) => _file = file;

    /// <summary>All accounts by name.</summary>
    public Task<IReadOnlyList<Account>> List() => _file.Read<IReadOnlyList<Account>>(async db =>
        await db.Users.OrderBy(u => u.Name).Select(u => new Account(u.Name, u.Role, u.Created, u.LastSignIn)).ToListAsync());

    /// <summary>An account and its password's hash; null where there is none of that name.</summary>
    public Task<(Account Account, string PasswordHash)?> Find(string name) => _file.Read<(Account, string)?>(async db =>
        await db.Users.FirstOrDefaultAsync(u => u.Name == name) is { } row
            ? (new Account(row.Name, row.Role, row.Created, row.LastSignIn), row.PasswordHash)
            : null);

    /// <summary>Creates an account.</summary>
    /// <returns>False when the name is taken.</returns>
    public Task<bool> Create(Account account, string passwordHash) => _file.Write(async db =>
    {
        if (await db.Users.AnyAsync(u => u.Name == account.Name)) return false;
        db.Users.Add(new UserRow { Name = account.Name, Role = account.Role, PasswordHash = passwordHash, Created = account.Created });
        return true;
    });

    /// <summary>Gives an account another password and ends its sessions and tokens.</summary>
    /// <returns>False when there is none of that name.</returns>
    public Task<bool> SetPassword(string name, string passwordHash) => _file.Write(async db =>
    {
        await db.ApiTokens.Where(t => t.User == name).ExecuteDeleteAsync();
        return await db.Users.Where(u => u.Name == name).ExecuteUpdateAsync(set => set.SetProperty(u => u.PasswordHash, passwordHash)) == 1;
    });

    /// <summary>Deletes an account with its tokens, unless it is the last administrator.</summary>
    /// <returns>Null when there is none of that name, false when it is the last administrator.</returns>
    public Task<bool?> Delete(string name) => _file.Write<bool?>(async db =>
    {
        if (await db.Users.FirstOrDefaultAsync(u => u.Name == name) is not { } user) return null;
        if (user.Role == UserRole.Admin && await db.Users.CountAsync(u => u.Role == UserRole.Admin) == 1) return false;
        await db.ApiTokens.Where(t => t.User == name).ExecuteDeleteAsync();
        await db.Users.Where(u => u.Name == name).ExecuteDeleteAsync();
        return true;
    });

    /// <summary>Adds a bearer token and, where it is a session, notes the sign-in; clears tokens that are over.</summary>
    public Task AddToken(ApiToken token, byte[] hash) => _file.Write(async db =>
    {
        await db.ApiTokens.Where(t => t.Expires < token.Created).ExecuteDeleteAsync();
        if (token.Session)
            await db.Users.Where(u => u.Name == token.User).ExecuteUpdateAsync(set => set.SetProperty(u => u.LastSignIn, token.Created));
        db.ApiTokens.Add(new ApiTokenRow
        {
            Id = token.Id,
            Hash = hash,
            Name = token.Name,
            User = token.User,
            Role = token.Role,
            Session = token.Session,
            Created = token.Created,
            Expires = token.Expires,
        });
    });

    /// <summary>The token with this hash, with its role cut to what its user may do today; null where there is none or it is over.</summary>
    public Task<ApiToken?> FindToken(byte[] hash, DateTimeOffset now) => _file.Read(async db =>
    {
        var found = await db.ApiTokens.Where(t => t.Hash == hash && t.Expires > now)
            .Join(db.Users, t => t.User, u => u.Name, (t, u) => new { Token = t, u.Role }).FirstOrDefaultAsync();
        return found is null ? null : ToNoun(found.Token) with { Role = found.Token.Role < found.Role ? found.Token.Role : found.Role };
    });

    /// <summary>Tokens of one account, or of all.</summary>
    public Task<IReadOnlyList<ApiToken>> Tokens(string? user) => _file.Read<IReadOnlyList<ApiToken>>(async db =>
        [.. (await db.ApiTokens.Where(t => user == null || t.User == user).OrderBy(t => t.Created).ToListAsync()).Select(ToNoun)]);

    /// <summary>Ends a token.</summary>
    /// <param name="id">The token.</param>
    /// <param name="user">Only where it is this account's; null for any.</param>
    /// <returns>False when there is none such.</returns>
    public Task<bool> DeleteToken(Guid id, string? user) => _file.Write(async db =>
        await db.ApiTokens.Where(t => t.Id == id && (user == null || t.User == user)).ExecuteDeleteAsync() == 1);

    private static ApiToken ToNoun(ApiTokenRow row) => new(row.Id, row.Name, row.User, row.Role, row.Session, row.Created, row.Expires);
}
