using System.Security.Cryptography;
using System.Text;

namespace Stillpoint.Chunks;

/// <summary>A recovery passphrase that the program makes: 24 digits, 120 random bits, in six groups of four with hyphens between. It lies on paper
/// and is typed, so it is understood in capitals too, and with blanks or nothing where the hyphens are.</summary>
public static class RecoveryPassphrase
{
    private const string Digits = "abcdefghjkmnpqrstvwxyz0123456789";
    private const int Length = 24, Group = 4;

    /// <summary>A new one.</summary>
    /// <param name="random">Source of its bits.</param>
    public static string Create(RandomNumberGenerator random)
    {
        ArgumentNullException.ThrowIfNull(random);
        var bytes = new byte[Length];
        random.GetBytes(bytes);
        return Grouped(bytes.Select(b => Digits[b & 31]));
    }

    /// <summary>What was typed, UTF-8, in the form that <see cref="Create"/> gives; null when that cannot be what was typed, or it has the form.</summary>
    internal static byte[]? AsMade(ReadOnlySpan<byte> typed)
    {
        var text = Encoding.UTF8.GetString(typed);
        // The digits leave out what looks alike on paper.
        var digits = text.Where(c => !KitText.IsGap(c)).Select(c => char.ToLowerInvariant(c) switch { 'i' or 'l' => '1', 'o' => '0', var digit => digit }).ToList();
        if (digits.Count != Length || !digits.TrueForAll(d => Digits.Contains(d, StringComparison.Ordinal))) return null;
        var made = Grouped(digits);
        return made == text ? null : Encoding.ASCII.GetBytes(made);
    }

    private static string Grouped(IEnumerable<char> digits) => string.Join('-', digits.Chunk(Group).Select(group => new string(group)));
}
