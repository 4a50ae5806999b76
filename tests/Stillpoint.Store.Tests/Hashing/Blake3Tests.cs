using System.Diagnostics;
using CsCheck;
using Stillpoint.Chunks;

namespace Stillpoint.Store.Tests;

/// <summary>The chunk id's hash, every width of it that this machine has.</summary>
public sealed class Blake3Tests
{
    private static readonly byte[] s_key = "whats the Elvish word for friend"u8.ToArray();

    /// <summary>The published test vectors (test_vectors.json of the BLAKE3 authors): length of the input, first 32 bytes of keyed_hash.</summary>
    public static TheoryData<int, string> Vectors => new()
    {
        { 0, "92b2b75604ed3c761f9d6f62392c8a9227ad0ea3f09573e783f1498a4ed60d26" },
        { 1, "6d7878dfff2f485635d39013278ae14f1454b8c0a3a2d34bc1ab38228a80c95b" },
        { 1023, "c951ecdf03288d0fcc96ee3413563d8a6d3589547f2c2fb36d9786470f1b9d6e" },
        { 1024, "75c46f6f3d9eb4f55ecaaee480db732e6c2105546f1e675003687c31719c7ba4" },
        { 1025, "357dc55de0c7e382c900fd6e320acc04146be01db6a8ce7210b7189bd664ea69" },
        { 2048, "879cf1fa2ea0e79126cb1063617a05b6ad9d0b696d0d757cf053439f60a99dd1" },
        { 2049, "9f29700902f7c86e514ddc4df1e3049f258b2472b6dd5267f61bf13983b78dd5" },
        { 3072, "044a0e7b172a312dc02a4c9a818c036ffa2776368d7f528268d2e6b5df191770" },
        { 3073, "68dede9bef00ba89e43f31a6825f4cf433389fedae75c04ee9f0cf16a427c95a" },
        { 4096, "befc660aea2f1718884cd8deb9902811d332f4fc4a38cf7c7300d597a081bfc0" },
        { 4097, "00df940cd36bb9fa7cbbc3556744e0dbc8191401afe70520ba292ee3ca80abbc" },
        { 5120, "2c493e48e9b9bf31e0553a22b23503c0a3388f035cece68eb438d22fa1943e20" },
        { 5121, "6ccf1c34753e7a044db80798ecd0782a8f76f33563accaddbfbb2e0ea4b2d024" },
        { 6144, "3d6b6d21281d0ade5b2b016ae4034c5dec10ca7e475f90f76eac7138e9bc8f1d" },
        { 6145, "9ac301e9e39e45e3250a7e3b3df701aa0fb6889fbd80eeecf28dbc6300fbc539" },
        { 7168, "b42835e40e9d4a7f42ad8cc04f85a963a76e18198377ed84adddeaecacc6f3fc" },
        { 7169, "ed9b1a922c046fdb3d423ae34e143b05ca1bf28b710432857bf738bcedbfa511" },
        { 8192, "dc9637c8845a770b4cbf76b8daec0eebf7dc2eac11498517f08d44c8fc00d58a" },
        { 8193, "954a2a75420c8d6547e3ba5b98d963e6fa6491addc8c023189cc519821b4a1f5" },
        { 16384, "9e9fc4eb7cf081ea7c47d1807790ed211bfec56aa25bb7037784c13c4b707b0d" },
        { 31744, "efa53b389ab67c593dba624d898d0f7353ab99e4ac9d42302ee64cbf9939a419" },
        { 102400, "1c35d1a5811083fd7119f5d5d1ba027b4d01c0c6c49fb6ff2cf75393ea5db4a7" },
    };

    [Theory]
    [MemberData(nameof(Vectors))]
    public void Published_vectors_hold_at_every_width(int length, string expected)
    {
        var message = new byte[length];
        for (var i = 0; i < length; i++) message[i] = (byte)(i % 251);
        foreach (var width in Widths()) Assert.Equal(expected, Convert.ToHexStringLower(Hash(s_key, message, width)));
    }

    [Fact]
    public void The_widths_agree_on_any_key_and_message() =>
        Gen.Select(Gen.Byte.Array[32], Gen.Frequency((6, Gen.Int[0, 40_000]), (1, Gen.Int[60_000, 70_000]), (1, Gen.Int[1_040_000, 1_060_000])), Gen.Int)
            .Sample(
                (key, length, seed) =>
                {
                    var message = new byte[length];
                    new Random(seed).NextBytes(message);
                    var narrow = Hash(key, message, 1);
                    return Widths().All(width => Hash(key, message, width).AsSpan().SequenceEqual(narrow));
                },
                seed: "0000KtGW4Wr1", iter: 60);

    [Fact]
    public void Lengths_round_every_edge_agree()
    {
        var message = new byte[70 * 1024];
        new Random(7).NextBytes(message);
        for (var leaves = 0; leaves <= 68; leaves += leaves < 18 ? 1 : 5)
        {
            foreach (var more in new[] { 0, 1, 63, 64, 65, 1023 })
            {
                var part = message.AsSpan(0, leaves * 1024 + more);
                var narrow = Hash(s_key, part, 1);
                foreach (var width in Widths()) Assert.Equal(narrow, Hash(s_key, part, width));
            }
        }
    }

    [Fact]
    public void One_bit_of_key_or_message_makes_another_hash()
    {
        var message = new byte[64 << 10];
        var seen = new HashSet<string> { Convert.ToHexString(Hash(s_key, message, Blake3.Widest)) };
        for (var bit = 0; bit < message.Length * 8; bit += 65_521)
        {
            message[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.True(seen.Add(Convert.ToHexString(Hash(s_key, message, Blake3.Widest))));
            message[bit / 8] ^= (byte)(1 << bit % 8);
        }
        for (var bit = 0; bit < 256; bit += 7)
        {
            var key = s_key.ToArray();
            key[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.True(seen.Add(Convert.ToHexString(Hash(key, message, Blake3.Widest))));
        }
    }

    [Fact]
    public void Keys_and_hashes_of_other_lengths_are_refused()
    {
        Assert.Throws<ArgumentException>(() => Blake3.HashKeyed(new byte[31], [], new byte[32]));
        Assert.Throws<ArgumentException>(() => Blake3.HashKeyed(new byte[32], [], new byte[33]));
    }

    [Fact]
    [Trait("Kind", "Slow")]
    public void B3sum_says_the_same()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/b3sum"), "b3sum is not installed");
        var message = new byte[3_000_001];
        new Random(11).NextBytes(message);
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, message);
            using var process = Process.Start(new ProcessStartInfo("b3sum", ["--keyed", "--no-names", path])
            {
                RedirectStandardInput = true, RedirectStandardOutput = true,
            })!;
            process.StandardInput.BaseStream.Write(s_key);
            process.StandardInput.Close();
            var said = process.StandardOutput.ReadToEnd().Trim();
            process.WaitForExit();
            foreach (var width in Widths()) Assert.Equal(said, Convert.ToHexStringLower(Hash(s_key, message, width)));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static int[] Widths() => [.. new[] { 1, 4, 8, 16 }.Where(w => w <= Blake3.Widest)];

    private static byte[] Hash(ReadOnlySpan<byte> key, ReadOnlySpan<byte> message, int width)
    {
        var hash = new byte[Blake3.Size];
        Blake3.HashKeyed(key, message, hash, width);
        return hash;
    }
}
