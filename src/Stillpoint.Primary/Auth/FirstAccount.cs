using System.Text;
using Microsoft.Extensions.Logging;
using Stillpoint.Catalog;
using Stillpoint.Durable;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>The first administrator: made at the first start with a random password, which lies in <c>first-password</c> until it was used.</summary>
internal sealed class FirstAccount(DataFolder folder, Secrets secrets, ILogger<FirstAccount> log)
{
    public const string User = "admin";
    public const string FileName = "first-password";
    private string Path => folder.File(FileName);

    /// <summary>Makes the account where there is none at all.</summary>
    /// <returns>Its password; null when there are accounts already.</returns>
    public async Task<string?> Make(CatalogStore catalog, DateTimeOffset now)
    {
        if ((await catalog.People.List()).Count > 0) return null;
        var password = secrets.New("")[..24];
        // The file before the row: an account whose password nobody knows would lock everybody out.
        DurableFile.Replace(Path, Encoding.ASCII.GetBytes(password + "\n"));
        await catalog.People.Create(new Account(User, UserRole.Admin, now, null), SignIn.Hash(User, password));
        return password;
    }

    /// <summary>Somebody signed in: the first password's file has served.</summary>
    public void SignedIn(string user)
    {
        if (user != User || !File.Exists(Path)) return;
        try
        {
            File.Delete(Path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.LogWarning("{Path} could not be removed: {Message}", Path, e.Message);
        }
    }
}
