using System.Text;
using CsCheck;
using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Store.Tests;

/// <summary>The recovery kit: it opens, it survives being typed, and every slip is named by its line.</summary>
public sealed class RecoveryKitTests
{
    private static readonly RecoveryKit s_kit = new(
        new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero),
        [new DomainMaster(Enumerable.Range(0, 32).Select(i => (byte)i).ToArray(), 3)],
        [new KitUnit(new Guid("11111111-2222-3333-4444-555555555555"), "/backup/unit", new string('a', 64))]);

    private static readonly string s_text = s_kit.Write("open sesame"u8, new PassphraseWrap(), new SeededRandom(1));

    [Fact]
    public void It_opens_with_its_passphrase_only()
    {
        var read = RecoveryKit.Read(s_text, "open sesame"u8, "kit");
        Assert.Equal((s_kit.Made, 3), (read.Made, read.Domains[0].Epoch));
        Assert.Equal(s_kit.Domains[0].Bytes.ToArray(), read.Domains[0].Bytes.ToArray());
        Assert.Equal(s_kit.Units, read.Units);
        Assert.Contains("does not open", Assert.Throws<TroubleException>(() => RecoveryKit.Read(s_text, "open sesamf"u8, "kit")).Trouble.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void It_says_in_plain_words_what_to_do_and_shows_no_key()
    {
        foreach (var words in new[] { "Print this page", "/backup/unit", "store kit open", "store restore", new string('a', 64) })
            Assert.Contains(words, s_text, StringComparison.Ordinal);
        Assert.DoesNotContain("000102030405", s_text, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("sesame", s_text, StringComparison.Ordinal);
        Assert.All(s_text.Split('\n'), line => Assert.True(line.Length <= 150));
    }

    [Fact]
    public void Typed_from_paper_it_reads_whatever_the_case_and_the_digits_that_look_alike()
    {
        var lines = s_text[s_text.IndexOf("-----BEGIN", StringComparison.Ordinal)..].Split('\n')
            .Select(l => l.StartsWith("--", StringComparison.Ordinal) || l.StartsWith("check", StringComparison.Ordinal) ? l : "  " + l.ToLowerInvariant().Replace('1', 'l').Replace("-", " - ", StringComparison.Ordinal));
        // The number of the line must stay one; only its digits were changed above.
        var typed = string.Join("\r\n", lines.Select((l, i) => i == 0 || l.Length < 8 || l.Contains("--", StringComparison.Ordinal) || l.StartsWith("check", StringComparison.Ordinal)
            ? l : $"{i:00} {l.Trim()[2..].Replace(" - ", "-", StringComparison.Ordinal)}"));
        Assert.Equal(s_kit.Units, RecoveryKit.Read(typed, "open sesame"u8, "kit").Units);
    }

    [Fact]
    public void Typed_all_in_small_letters_or_with_other_gaps_it_opens()
    {
        var kit = s_text[s_text.IndexOf("-----BEGIN", StringComparison.Ordinal)..];
        string[] typed =
        [
            s_text.ToLowerInvariant(), s_text.ToUpperInvariant(), kit.Replace("-----", "---", StringComparison.Ordinal), kit.Replace("-----", "", StringComparison.Ordinal),
            kit.Replace('-', ' '), kit.Replace('-', '\u2013'), kit.Replace("\n", "\r\n\r\n", StringComparison.Ordinal),
        ];
        Assert.All(typed, text => Assert.Equal(s_kit.Units, RecoveryKit.Read(text, "open sesame"u8, "kit").Units));
    }

    [Fact]
    public void A_passphrase_that_was_made_opens_as_a_person_types_it_and_one_that_was_chosen_only_as_it_is()
    {
        using var random = new SeededRandom(2);
        var made = RecoveryPassphrase.Create(random);
        Assert.Matches("^([a-hj-km-np-tv-z0-9]{4}-){5}[a-hj-km-np-tv-z0-9]{4}$", made);
        var text = s_kit.Write(Encoding.UTF8.GetBytes(made), new PassphraseWrap(), random);
        string[] typed =
        [
            made, made.ToUpperInvariant(), made.Replace("-", "", StringComparison.Ordinal), made.ToUpperInvariant().Replace('-', ' '),
            $" {made.Replace('0', 'O').Replace('1', 'l')} ",
        ];
        Assert.All(typed, words => Assert.Equal(s_kit.Units, RecoveryKit.Read(text, Encoding.UTF8.GetBytes(words), "kit").Units));
        Assert.Throws<TroubleException>(() => RecoveryKit.Read(text, Encoding.UTF8.GetBytes(made[..^1]), "kit"));

        // One that looks like it but was chosen in capitals opens as before.
        var chosen = Encoding.UTF8.GetBytes(made.ToUpperInvariant());
        Assert.Equal(s_kit.Units, RecoveryKit.Read(s_kit.Write(chosen, new PassphraseWrap(), random), chosen, "kit").Units);
        Assert.Throws<TroubleException>(() => RecoveryKit.Read(s_text, "Open Sesame"u8, "kit"));
    }

    [Fact]
    public void Every_slip_is_seen_and_its_line_named()
    {
        var begin = s_text.IndexOf('\n', s_text.IndexOf("-----BEGIN", StringComparison.Ordinal)) + 1;
        var end = s_text.IndexOf("check ", begin, StringComparison.Ordinal);
        var missed = 0;
        for (var at = begin; at < end; at++)
        {
            if (!char.IsAsciiLetterOrDigit(s_text[at])) continue;
            var slip = s_text[..at] + (s_text[at] is 'X' ? 'Y' : 'X') + s_text[(at + 1)..];
            var trouble = Assert.Throws<TroubleException>(() => RecoveryKit.Read(slip, "open sesame"u8, "kit")).Trouble;
            if (!trouble.Message.Contains("line ", StringComparison.Ordinal)) missed++;
        }
        // Ten bits of check a line let one slip in a thousand through to the check of the whole.
        Assert.InRange(missed, 0, 3);
        var lines = s_text.Split('\n').ToList();
        var first = lines.FindIndex(l => l.StartsWith("-----BEGIN", StringComparison.Ordinal)) + 1;
        Assert.Throws<TroubleException>(() => RecoveryKit.Read(string.Join('\n', lines.Where((_, i) => i != first + 2)), "open sesame"u8, "kit"));
        (lines[first], lines[first + 1]) = (lines[first + 1], lines[first]);
        Assert.Throws<TroubleException>(() => RecoveryKit.Read(string.Join('\n', lines), "open sesame"u8, "kit"));
    }

    [Fact]
    public void Any_text_is_refused_clearly()
    {
        string[] pieces =
        [
            "-----BEGIN STILLPOINT RECOVERY KIT-----", "-----END STILLPOINT RECOVERY KIT-----", "01  0000-0000  00", "02 ZZ 00", "check 00000000", "check ", "", "é",
        ];
        Gen.Int[0, pieces.Length - 1].Array[0, 8].Sample(
            picks =>
            {
                // Most have a beginning and an end, so that what is between is read.
                string[] lines = picks.Length % 4 == 0 ? [.. picks.Select(i => pieces[i])] : [pieces[0], .. picks.Select(i => pieces[i]), pieces[1]];
                Refused(string.Join('\n', lines));
            },
            seed: "0000StillK03", iter: 3000);
        Refused(new string('x', RecoveryKit.MaxText + 1));
    }

    private static void Refused(string text) => Assert.Throws<TroubleException>(() => { RecoveryKit.Read(text, "open sesame"u8, "kit"); });

    [Fact]
    public void Hostile_parameters_are_refused_before_any_work()
    {
        foreach (var (memory, passes) in new[] { (8u, 3u), (uint.MaxValue, 3u), (65536u, 1u), (65536u, uint.MaxValue) })
        {
            var writer = new ByteWriter();
            writer.U16(StoreFormat.Version);
            writer.U32(memory);
            writer.U32(passes);
            writer.Raw(new byte[80]);
            var trouble = Assert.Throws<TroubleException>(() => RecoveryKit.Read(KitText.Write(writer.Written), "open sesame"u8, "kit")).Trouble;
            Assert.Contains("out of bounds", trouble.Message, StringComparison.Ordinal);
        }
    }
}
