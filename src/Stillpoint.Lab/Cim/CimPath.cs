using System.Text;

namespace Stillpoint.Lab;

/// <summary>The path of an instance: its class and the values of its keys. Class, key names and values compare without regard to case, as
/// WMI compares them.</summary>
internal sealed class CimPath : IEquatable<CimPath>
{
    /// <param name="className">Concrete class.</param>
    /// <param name="keys">Key names and values; their order has no meaning.</param>
    public CimPath(string className, params IEnumerable<(string Name, string Value)> keys)
    {
        ClassName = className;
        Keys = [.. keys.OrderBy(k => k.Name, StringComparer.OrdinalIgnoreCase)];
    }

    /// <summary>Class of the instance.</summary>
    public string ClassName { get; }

    /// <summary>Keys in case-insensitive order of their names.</summary>
    public IReadOnlyList<(string Name, string Value)> Keys { get; }

    /// <summary>The value of a key, or null.</summary>
    public string? this[string key] => Keys.FirstOrDefault(k => k.Name.Equals(key, StringComparison.OrdinalIgnoreCase)).Value;

    /// <summary>Reads <c>[\\HOST\root\virtualization\v2:]Class.Key="value",…</c>; null when it is no such path. Inside quotes a backslash
    /// takes the next character as it is.</summary>
    public static CimPath? TryParse(string text)
    {
        var start = AfterNamespace(text);
        var dot = text.IndexOfAny(['.', '='], start);
        if (dot <= start) return null;
        var className = text[start..dot];
        var keys = new List<(string, string)>();
        var at = text[dot] == '=' ? dot : dot + 1;
        while (at < text.Length)
        {
            var equals = text.IndexOf('=', at);
            if (equals < 0) return null;
            var name = text[at..equals].Trim();
            if (ReadValue(text, equals + 1, out var next) is not { } value) return null;
            keys.Add((name, value));
            if (next == text.Length) break;
            if (text[next] != ',') return null;
            at = next + 1;
        }
        return keys.Count == 0 ? null : new CimPath(className, keys);
    }

    /// <summary>The path as a WMI object path on a host, backslashes and quotes inside values escaped.</summary>
    public string ToObjectPath(string host)
    {
        var text = new StringBuilder($@"\\{host}\root\virtualization\v2:{ClassName}");
        for (var i = 0; i < Keys.Count; i++)
        {
            text.Append(i == 0 ? '.' : ',').Append(Keys[i].Name).Append("=\"");
            text.Append(Keys[i].Value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)).Append('"');
        }
        return text.ToString();
    }

    /// <summary>True when every key named in <paramref name="given"/> has that value here; keys left out match anything.</summary>
    public bool Matches(IEnumerable<(string Name, string Value)> given) =>
        given.All(g => this[g.Name] is { } own && own.Equals(g.Value, StringComparison.OrdinalIgnoreCase));

    /// <inheritdoc/>
    public bool Equals(CimPath? other) =>
        other is not null && ClassName.Equals(other.ClassName, StringComparison.OrdinalIgnoreCase) && Keys.Count == other.Keys.Count
        && Matches(other.Keys);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as CimPath);

    /// <inheritdoc/>
    public override int GetHashCode() => StringComparer.OrdinalIgnoreCase.GetHashCode(ClassName + string.Concat(Keys.Select(k => k.Value)));

    /// <inheritdoc/>
    public override string ToString() => ToObjectPath(".");

    private static int AfterNamespace(string text)
    {
        var quote = text.IndexOfAny(['"', '\'']);
        var head = quote < 0 ? text : text[..quote];
        return head.LastIndexOf(':') + 1;
    }

    private static string? ReadValue(string text, int at, out int next)
    {
        next = text.Length;
        while (at < text.Length && text[at] == ' ') at++;
        if (at == text.Length) return null;
        if (text[at] is not ('"' or '\''))
        {
            var comma = text.IndexOf(',', at);
            next = comma < 0 ? text.Length : comma;
            return text[at..next].Trim();
        }
        var quote = text[at++];
        var value = new StringBuilder();
        for (; at < text.Length; at++)
        {
            if (text[at] == quote)
            {
                next = at + 1;
                while (next < text.Length && text[next] == ' ') next++;
                return value.ToString();
            }
            if (text[at] == '\\' && at + 1 < text.Length) at++;
            value.Append(text[at]);
        }
        return null;
    }
}
