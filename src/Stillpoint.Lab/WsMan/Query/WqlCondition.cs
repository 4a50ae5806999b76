using System.Text.RegularExpressions;

namespace Stillpoint.Lab;

/// <summary>The WHERE of a SELECT.</summary>
internal abstract record WqlCondition
{
    /// <summary>True for an instance that the query wants.</summary>
    public abstract bool Holds(CimInstance instance);

    public sealed record And(WqlCondition Left, WqlCondition Right) : WqlCondition
    {
        public override bool Holds(CimInstance instance) => Left.Holds(instance) && Right.Holds(instance);
    }

    public sealed record Or(WqlCondition Left, WqlCondition Right) : WqlCondition
    {
        public override bool Holds(CimInstance instance) => Left.Holds(instance) || Right.Holds(instance);
    }

    public sealed record Not(WqlCondition Inner) : WqlCondition
    {
        public override bool Holds(CimInstance instance) => !Inner.Holds(instance);
    }

    public sealed record IsNull(string Property) : WqlCondition
    {
        public override bool Holds(CimInstance instance) => Value(instance, Property) is null;
    }

    /// <summary>Property, operator, constant. A null property makes every comparison false.</summary>
    public sealed record Compare(string Property, string Operator, string Constant) : WqlCondition
    {
        public override bool Holds(CimInstance instance)
        {
            if (Property.Equals("__CLASS", StringComparison.OrdinalIgnoreCase)) return Test(instance.Class.Name);
            return Value(instance, Property) switch
            {
                null => false,
                Array => throw new CimException(CimException.InvalidQuery, "Invalid query "),
                var value => Test(value),
            };
        }

        private bool Test(object value)
        {
            if (value is CimPath path) return Decide(path.Equals(CimPath.TryParse(Constant)) ? 0 : 1);
            if (Operator == "LIKE") return Like(value.ToString() ?? "", Constant);
            if (value is bool flag) return Decide(flag == (Constant.Equals("true", StringComparison.OrdinalIgnoreCase) || Constant == "1") ? 0 : 1);
            if (value is DateTimeOffset time && DateTimeOffset.TryParse(Constant, out var other)) return Decide(time.CompareTo(other));
            if (value is IConvertible and not string && decimal.TryParse(Constant, out var number))
            {
                return Decide(Convert.ToDecimal(value).CompareTo(number));
            }
            return Decide(string.Compare(XmlText.Format(value), Constant, StringComparison.OrdinalIgnoreCase));
        }

        private bool Decide(int order) => Operator switch
        {
            "=" => order == 0,
            "<>" or "!=" => order != 0,
            "<" => order < 0,
            ">" => order > 0,
            "<=" => order <= 0,
            ">=" => order >= 0,
            _ => throw new CimException(CimException.InvalidQuery, "Invalid query "),
        };

        private static bool Like(string text, string pattern)
        {
            var expression = Regex.Escape(pattern).Replace("%", ".*", StringComparison.Ordinal).Replace("_", ".", StringComparison.Ordinal)
                .Replace("\\[", "[", StringComparison.Ordinal);
            try
            {
                return Regex.IsMatch(text, $"^(?:{expression})$", RegexOptions.IgnoreCase | RegexOptions.Singleline, TimeSpan.FromSeconds(1));
            }
            catch (ArgumentException)
            {
                throw new CimException(CimException.InvalidQuery, "Invalid query ");
            }
        }
    }

    private static object? Value(CimInstance instance, string property) =>
        instance.Class.Find(property) is null ? throw new CimException(CimException.InvalidQuery, "Invalid query ") : instance[property];
}
