using System.Security.Cryptography.X509Certificates;

namespace Stillpoint.Transport;

/// <summary>The subject of a leaf: <c>CN=name</c> and <c>OU=role</c>, one of each, nothing else.</summary>
internal static class LeafSubject
{
    internal const int MaxName = 64;
    private const string CommonName = "2.5.4.3";
    private const string OrganizationalUnit = "2.5.4.11";

    internal static X500DistinguishedName Write(string name, string role)
    {
        var builder = new X500DistinguishedNameBuilder();
        builder.AddCommonName(name);
        builder.AddOrganizationalUnitName(role);
        return builder.Build();
    }

    internal static bool TryRead(X500DistinguishedName subject, out string name, out string role)
    {
        name = role = "";
        foreach (var part in subject.EnumerateRelativeDistinguishedNames())
        {
            if (part.HasMultipleElements) return false;
            var value = part.GetSingleElementValue() ?? "";
            switch (part.GetSingleElementType().Value)
            {
                case CommonName when name.Length == 0: name = value; break;
                case OrganizationalUnit when role.Length == 0: role = value; break;
                default: return false;
            }
        }
        return IsName(name) && PeerRoles.IsKnown(role);
    }

    /// <summary>Names go into logs, file names and messages: letters, digits, <c>-</c>, <c>_</c> and <c>.</c>, 1 to 64, not starting with
    /// a dot.</summary>
    internal static bool IsName(string? name) =>
        name is { Length: > 0 and <= MaxName } && name[0] != '.' && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');
}
