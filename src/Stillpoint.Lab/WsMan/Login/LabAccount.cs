namespace Stillpoint.Lab;

/// <summary>What an account may do on the host.</summary>
public enum AccountRights
{
    /// <summary>Everything.</summary>
    Administrator,

    /// <summary>A local administrator whom UAC filters over the network: logged in, and denied.</summary>
    Filtered,

    /// <summary>An account without any right here: logged in, and denied.</summary>
    None,
}

/// <summary>An account of the lab's host.</summary>
/// <param name="Name">Its name; a Kerberos account's with its realm.</param>
/// <param name="Password">Its password; null where another proves who it is (Kerberos, a certificate).</param>
/// <param name="Rights">What it may do.</param>
public sealed record LabAccount(string Name, string? Password, AccountRights Rights)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Name} ({Rights})";
}
