using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using CsCheck;
using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Store.Tests;

/// <summary>Key files, plain and under a passphrase: what opens them, what is refused, whatever the bytes.</summary>
public sealed class KeyFileTests
{
    private static readonly byte[] s_master = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
    private static readonly DomainMaster s_secret = new(s_master, 7);

    [Fact]
    public void A_plain_file_is_these_bytes() =>
        Assert.Equal(
            "stillpoint-key 1 plain 7 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f "
            + Convert.ToHexStringLower(SHA256.HashData("stillpoint-key 1 plain 7 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"u8))[..8] + "\n",
            Encoding.ASCII.GetString(KeyFile.Format(s_secret)));

    [Fact]
    public void A_wrapped_file_opens_with_its_passphrase_only()
    {
        var bytes = KeyFile.Format(s_secret, "correct horse"u8, new PassphraseWrap(), new SeededRandom(1));
        var file = KeyFile.Read(bytes, "key");
        using var keys = s_secret.Keys();
        Assert.Equal((keys.Domain, 7, 65536, 3), (file.Domain, file.Epoch, file.Wrap!.MemoryKiB, file.Wrap.Passes));
        Assert.Equal(s_master, file.Open("correct horse"u8).Bytes.ToArray());
        Assert.Contains("does not open", Assert.Throws<TroubleException>(() => file.Open("correct horsf"u8)).Trouble.Message, StringComparison.Ordinal);
        Assert.Contains("none was given", Assert.Throws<TroubleException>(() => KeyFile.Parse(bytes, "key")).Trouble.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Convert.ToHexStringLower(s_master), Encoding.ASCII.GetString(bytes), StringComparison.Ordinal);
        Assert.Throws<TroubleException>(() => KeyFile.Format(s_secret, "short"u8, new PassphraseWrap(), new SeededRandom(1)));
    }

    [Fact]
    public void What_lies_in_the_open_is_authenticated()
    {
        var parts = Encoding.ASCII.GetString(KeyFile.Format(s_secret, "correct horse"u8, new PassphraseWrap(), new SeededRandom(1))).Trim().Split(' ');
        // Epoch, domain, passes, salt, sealed key; each with a check that fits again.
        foreach (var (at, value) in new[] { (3, "8"), (4, Flip(parts[4])), (6, "4"), (7, Flip(parts[7])), (8, Flip(parts[8])) })
        {
            var altered = (string[])parts.Clone();
            altered[at] = value;
            Assert.Throws<TroubleException>(() => KeyFile.Read(Checked(altered[..^1]), "key").Open("correct horse"u8));
        }
    }

    [Theory]
    [InlineData(65535, 3)]
    [InlineData(8, 3)]
    [InlineData(65536, 2)]
    [InlineData(1 << 20 | 1, 3)]
    [InlineData(int.MaxValue, 3)]
    [InlineData(65536, 17)]
    public void Parameters_below_the_floor_or_above_the_ceiling_are_refused_before_any_work(int memory, int passes)
    {
        var parts = Encoding.ASCII.GetString(KeyFile.Format(s_secret, "correct horse"u8, new PassphraseWrap(), new SeededRandom(1))).Trim().Split(' ');
        parts[5] = memory.ToString(CultureInfo.InvariantCulture);
        parts[6] = passes.ToString(CultureInfo.InvariantCulture);
        var trouble = Assert.Throws<TroubleException>(() => KeyFile.Read(Checked(parts[..^1]), "key")).Trouble;
        Assert.Contains("out of bounds", trouble.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_slip_of_one_character_is_seen()
    {
        foreach (var bytes in new[] { KeyFile.Format(s_secret), KeyFile.Format(s_secret, "correct horse"u8, new PassphraseWrap(), new SeededRandom(1)) })
        {
            for (var i = 0; i < bytes.Length - 1; i++)
            {
                var slip = (byte[])bytes.Clone();
                slip[i] = slip[i] == (byte)'1' ? (byte)'2' : (byte)'1';
                Assert.Throws<TroubleException>(() => KeyFile.Read(slip, "key"));
            }
        }
    }

    [Fact]
    public void Any_bytes_are_read_or_refused_clearly()
    {
        string[] words =
        [
            "stillpoint-key", "1", "0", "plain", "wrapped", "65536", "3", "-1", "99999999999", new('a', 64), new('0', 32), new('0', 96), "é", "",
        ];
        Gen.Int[0, words.Length - 1].Array[0, 8].Sample(
            picks =>
            {
                // Most begin as a key file does, so that what follows is read.
                string[] parts = [.. picks.Length % 4 == 0 ? [] : new[] { "stillpoint-key", "1" }, .. picks.Select(i => words[i])];
                var text = string.Join(' ', parts);
                Refused(Encoding.UTF8.GetBytes(text));
                Refused(Checked(parts));
            },
            seed: "0000StillK01", iter: 3000);
        Gen.Byte.Array[0, 1200].Sample(Refused, seed: "0000StillK02", iter: 2000);
    }

    [Fact]
    public void A_rotation_keeps_the_domain_and_opens_what_is_old()
    {
        using var before = s_secret.Keys();
        using var after = s_secret.Rotate().Keys();
        Assert.Equal((before.Domain, 8), (after.Domain, after.Epoch));
        var plain = Disks.Make(Disks.Chunk, 3, 1);
        Assert.Equal(before.IdOf(plain), after.IdOf(plain));
        using var oldSealer = new PackSealer(before, new SeededRandom(1), 1);
        using var newSealer = new PackSealer(after, new SeededRandom(2), 1);
        using var opener = new RecordOpener(after);
        var old = oldSealer.Seal(before.IdOf(plain), plain);
        foreach (var record in new[] { old, newSealer.Seal(after.IdOf(plain), plain), newSealer.Reseal(old, opener) })
        {
            var target = new byte[plain.Length];
            opener.OpenAndProve(record, record.Id, target);
            Assert.Equal(plain, target);
        }
        Assert.Equal((7, 8), (old.Epoch, newSealer.Reseal(old, opener).Epoch));
        Assert.Throws<TroubleException>(() => newSealer.Reseal(old with { Epoch = 8 }, opener));
        Assert.Throws<TroubleException>(() => (s_secret with { Epoch = DomainMaster.MaxEpoch }).Rotate());
    }

    [Fact]
    public void A_text_in_the_open_is_no_sealed_one()
    {
        using var keys = s_secret.Keys();
        var open = SealedBlob.Open("why");
        Assert.Equal("why", open.OpenText());
        Assert.Throws<TroubleException>(() => keys.Open(SealedKind.Note, "x"u8, open));
        Assert.Throws<TroubleException>(() => keys.Seal(SealedKind.Note, "x"u8, "y"u8, new SeededRandom(1)).OpenText());
        Assert.Throws<TroubleException>(() => (open with { Bytes = new byte[] { 0xff, 0xfe } }).OpenText());
    }

    /// <summary>Read, or refused with a trouble; never anything else.</summary>
    private static void Refused(byte[] bytes)
    {
        try
        {
            var file = KeyFile.Read(bytes, "key");
            if (file.Wrap is null) Assert.Equal(32, file.Open([]).Bytes.Length);
        }
        catch (TroubleException e)
        {
            Assert.NotEmpty(e.Trouble.NextStep!);
        }
    }

    private static string Flip(string hex) => (hex[0] == '0' ? '1' : '0') + hex[1..];

    private static byte[] Checked(string[] parts)
    {
        var text = string.Join(' ', parts.Where(p => p.Length > 0));
        return Encoding.UTF8.GetBytes($"{text} {Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..8]}\n");
    }
}
