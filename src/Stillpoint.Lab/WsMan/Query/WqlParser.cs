using System.Text;

namespace Stillpoint.Lab;

/// <summary>Reads WQL: SELECT with conditions, ASSOCIATORS OF, REFERENCES OF.</summary>
internal sealed class WqlParser
{
    private const int MaxLength = 16_384;
    private const int MaxDepth = 32;
    private readonly List<Token> _tokens;
    private int _at;
    private int _depth;

    private WqlParser(List<Token> tokens) => _tokens = tokens;

    private enum TokenKind
    {
        Word,
        Text,
        Symbol,
        Path,
    }

    private readonly record struct Token(TokenKind Kind, string Text);

    /// <summary>Reads a query.</summary>
    /// <exception cref="CimException">It is none (WBEM_E_INVALID_QUERY).</exception>
    public static Wql Parse(string query)
    {
        if (query.Length > MaxLength) throw Invalid();
        var parser = new WqlParser(Scan(query));
        Wql result = parser.Accept("SELECT") ? parser.ReadSelect()
            : parser.Accept("ASSOCIATORS") ? parser.ReadRelated(referencesOnly: false)
            : parser.Accept("REFERENCES") ? parser.ReadRelated(referencesOnly: true)
            : throw Invalid();
        return parser._at == parser._tokens.Count ? result : throw Invalid();
    }

    private Wql.Select ReadSelect()
    {
        var properties = new List<string>();
        if (!Accept("*"))
        {
            do properties.Add(Take(TokenKind.Word));
            while (Accept(","));
        }
        Expect("FROM");
        var className = Take(TokenKind.Word);
        return new Wql.Select(properties, className, Accept("WHERE") ? ReadOr() : null);
    }

    private Wql.Related ReadRelated(bool referencesOnly)
    {
        Expect("OF");
        var source = CimPath.TryParse(Take(TokenKind.Path)) ?? throw Invalid();
        string? assoc = null, result = null, role = null, resultRole = null;
        if (Accept("WHERE"))
        {
            while (_at < _tokens.Count)
            {
                var name = Take(TokenKind.Word).ToUpperInvariant();
                Expect("=");
                var value = Take(TokenKind.Word);
                switch (name)
                {
                    case "ASSOCCLASS": assoc = value; break;
                    case "RESULTCLASS": result = value; break;
                    case "ROLE": role = value; break;
                    case "RESULTROLE": resultRole = value; break;
                    default: throw Invalid();
                }
            }
        }
        return new Wql.Related(source, referencesOnly, new AssociationFilter(assoc, result, role, resultRole));
    }

    private WqlCondition ReadOr()
    {
        if (++_depth > MaxDepth) throw Invalid();
        var left = ReadAnd();
        while (Accept("OR")) left = new WqlCondition.Or(left, ReadAnd());
        _depth--;
        return left;
    }

    private WqlCondition ReadAnd()
    {
        var left = ReadTerm();
        while (Accept("AND")) left = new WqlCondition.And(left, ReadTerm());
        return left;
    }

    private WqlCondition ReadTerm()
    {
        if (Accept("NOT")) return new WqlCondition.Not(ReadTerm());
        if (Accept("("))
        {
            var inner = ReadOr();
            Expect(")");
            return inner;
        }
        var property = Take(TokenKind.Word);
        if (Accept("IS"))
        {
            var negated = Accept("NOT");
            Expect("NULL");
            return negated ? new WqlCondition.Not(new WqlCondition.IsNull(property)) : new WqlCondition.IsNull(property);
        }
        var comparison = Accept("LIKE") ? "LIKE" : Take(TokenKind.Symbol);
        var constant = Next();
        if (constant.Kind is TokenKind.Symbol or TokenKind.Path) throw Invalid();
        return constant is { Kind: TokenKind.Word, Text: var word } && word.Equals("NULL", StringComparison.OrdinalIgnoreCase)
            ? comparison == "=" ? new WqlCondition.IsNull(property) : new WqlCondition.Not(new WqlCondition.IsNull(property))
            : new WqlCondition.Compare(property, comparison, constant.Text);
    }

    private Token Next() => _at < _tokens.Count ? _tokens[_at++] : throw Invalid();

    private string Take(TokenKind kind) => Next() is var token && token.Kind == kind ? token.Text : throw Invalid();

    private bool Accept(string text)
    {
        if (_at == _tokens.Count || _tokens[_at].Kind is TokenKind.Text or TokenKind.Path) return false;
        if (!_tokens[_at].Text.Equals(text, StringComparison.OrdinalIgnoreCase)) return false;
        _at++;
        return true;
    }

    private void Expect(string text)
    {
        if (!Accept(text)) throw Invalid();
    }

    private static CimException Invalid() => new(CimException.InvalidQuery, "Invalid query ");

    private static List<Token> Scan(string query)
    {
        var tokens = new List<Token>();
        var at = 0;
        while (at < query.Length)
        {
            var c = query[at];
            if (char.IsWhiteSpace(c)) at++;
            else if (c is '\'' or '"') tokens.Add(new Token(TokenKind.Text, ScanText(query, ref at)));
            else if (c == '{') tokens.Add(new Token(TokenKind.Path, ScanPath(query, ref at)));
            else if (char.IsLetterOrDigit(c) || c is '_' or '-' or '+') tokens.Add(new Token(TokenKind.Word, ScanWord(query, ref at)));
            else tokens.Add(new Token(TokenKind.Symbol, ScanSymbol(query, ref at)));
        }
        return tokens;
    }

    private static string ScanText(string query, ref int at)
    {
        var quote = query[at++];
        var text = new StringBuilder();
        while (at < query.Length && query[at] != quote)
        {
            if (query[at] == '\\' && at + 1 < query.Length) at++;
            text.Append(query[at++]);
        }
        if (at++ == query.Length) throw Invalid();
        return text.ToString();
    }

    private static string ScanPath(string query, ref int at)
    {
        // A brace inside quotes belongs to a value.
        var start = ++at;
        var quote = '\0';
        for (; at < query.Length; at++)
        {
            var c = query[at];
            if (quote != '\0' && c == '\\') at++;
            else if (c == quote) quote = '\0';
            else if (quote == '\0' && c is '\'' or '"') quote = quote == '\0' ? c : quote;
            else if (quote == '\0' && c == '}') return query[start..at++];
        }
        throw Invalid();
    }

    private static string ScanWord(string query, ref int at)
    {
        var start = at;
        while (at < query.Length && (char.IsLetterOrDigit(query[at]) || query[at] is '_' or '-' or '+' or '.')) at++;
        return query[start..at];
    }

    private static string ScanSymbol(string query, ref int at)
    {
        var two = at + 1 < query.Length ? query.Substring(at, 2) : "";
        var symbol = two is "<=" or ">=" or "<>" or "!=" ? two : query[at].ToString();
        if ("=<>!(),*".IndexOf(symbol[0]) < 0) throw Invalid();
        at += symbol.Length;
        return symbol;
    }
}
