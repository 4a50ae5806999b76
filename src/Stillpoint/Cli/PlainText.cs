using System.Text;
using Spectre.Console.Rendering;

namespace Stillpoint.Cli;

/// <summary>
/// Names and texts from files and from the network may hold control characters, which would steer the terminal of who reads them. Everything
/// that is printed for people passes here and comes out with each of them shown as <c>\x1b</c>; the console's own colours are not text.
/// </summary>
internal sealed class PlainText : IRenderHook
{
    public IEnumerable<IRenderable> Process(RenderOptions options, IEnumerable<IRenderable> renderables) => renderables.Select(r => new Shown(r));

    /// <summary>A text with what could steer a terminal, or turn the order of what is read, shown by its number.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="oneLine">Shows line ends and tabs, too.</param>
    internal static string Of(string text, bool oneLine = false)
    {
        if (!text.Any(c => Steers(c, oneLine))) return text;
        var shown = new StringBuilder(text.Length + 16);
        foreach (var c in text)
        {
            if (!Steers(c, oneLine)) shown.Append(c);
            else shown.Append(c < 0x100 ? $"\\x{(int)c:x2}" : $"\\u{(int)c:x4}");
        }
        return shown.ToString();
    }

    // Control characters of both sets; marks and overrides of the direction of writing (Unicode UAX #9).
    private static bool Steers(char c, bool oneLine) =>
        (char.IsControl(c) && (oneLine || c is not ('\n' or '\r' or '\t'))) || c is '\u200e' or '\u200f' or (>= '\u2028' and <= '\u202e') or (>= '\u2066' and <= '\u2069');

    private sealed class Shown(IRenderable inner) : IRenderable
    {
        public Measurement Measure(RenderOptions options, int maxWidth) => inner.Measure(options, maxWidth);

        public IEnumerable<Segment> Render(RenderOptions options, int maxWidth) =>
            inner.Render(options, maxWidth).Select(s => s.IsControlCode || s.IsLineBreak ? s : new Segment(Of(s.Text), s.Style, s.Link));
    }
}
