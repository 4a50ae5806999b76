namespace Stillpoint.Lab;

/// <summary>The accounts of the lab's host.</summary>
internal sealed class LabAccounts(IEnumerable<LabAccount> accounts)
{
    private readonly Dictionary<string, LabAccount> _byName = accounts.ToDictionary(a => a.Name, StringComparer.OrdinalIgnoreCase);

    /// <summary>True when an account proves itself by Kerberos.</summary>
    public bool HasKerberos => _byName.Values.Any(a => a.Password is null && a.Name.Contains('@'));

    /// <summary>An account by its name; null for none.</summary>
    public LabAccount? Find(string name) => _byName.GetValueOrDefault(name);
}
