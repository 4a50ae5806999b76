using System.Text;
using Stillpoint.Lab;

namespace Stillpoint.HyperV.Tests.Login;

/// <summary>The lab's parts of NTLM against published vectors (RFC 1320 A.5, RFC 6229, MS-NLMP 4.2).</summary>
public sealed class NtlmDigestTests
{
    [Theory]
    [InlineData("", "31d6cfe0d16ae931b73c59d7e0c089c0")]
    [InlineData("a", "bde52cb31de33e46245e05fbdbd6fb24")]
    [InlineData("abc", "a448017aaf21d8525fc10ae87aa6729d")]
    [InlineData("message digest", "d9130a8164549fe818874806e1c7014b")]
    [InlineData("abcdefghijklmnopqrstuvwxyz", "d79e1c308aa5bbcdeea8ed63df412da9")]
    [InlineData("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "043f8582f241db351ce627e153e7f0e4")]
    [InlineData("12345678901234567890123456789012345678901234567890123456789012345678901234567890", "e33b4ddc9c38f2199c3e7b164fcc0536")]
    public void Md4_is_that_of_the_rfc(string text, string hash) =>
        Assert.Equal(hash, Convert.ToHexStringLower(Md4.Hash(Encoding.ASCII.GetBytes(text))));

    [Fact]
    public void A_passwords_hash_is_that_of_the_specification() =>
        Assert.Equal("a4f49c406510bdcab6824ee7c30fd852", Convert.ToHexStringLower(Md4.Hash(Encoding.Unicode.GetBytes("Password"))));

    [Fact]
    public void Rc4_is_that_of_the_rfc()
    {
        var stream = new Rc4([1, 2, 3, 4, 5]);
        Assert.Equal("b2396305f03dc027ccc3524a0a1118a8", Convert.ToHexStringLower(stream.Transform(new byte[16])));
        Assert.Equal("6982944f18fc82d589c403a47a0d0919", Convert.ToHexStringLower(stream.Transform(new byte[16])));
    }

    [Fact]
    public void What_the_host_sealed_is_not_taken_back_as_the_clients()
    {
        var one = new NtlmSeal(new byte[16], sealsChecksum: true);
        var other = new NtlmSeal(new byte[16], sealsChecksum: true);
        var (header, data) = one.Seal("hello"u8);
        Assert.Null(other.Open(header, data));
    }
}
