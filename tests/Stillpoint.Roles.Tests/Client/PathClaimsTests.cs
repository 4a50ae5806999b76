using Stillpoint.Client;
using Stillpoint.Model;

namespace Stillpoint.Roles.Tests.Client;

/// <summary>Two restores never write the same file.</summary>
public sealed class PathClaimsTests
{
    [Fact]
    public void A_path_is_claimed_once_without_regard_to_case_and_given_back()
    {
        var claims = new PathClaims();
        using (claims.Claim([@"C:\a.vhdx", @"C:\b.vhdx"]))
        {
            var refused = Assert.Throws<TroubleException>(() => claims.Claim([@"C:\c.vhdx", @"c:\B.VHDX"]));
            Assert.Contains(@"c:\B.VHDX", refused.Trouble.Culprit, StringComparison.Ordinal);
            using var other = claims.Claim([@"C:\c.vhdx"]);
        }
        using var again = claims.Claim([@"C:\b.vhdx"]);
    }
}
