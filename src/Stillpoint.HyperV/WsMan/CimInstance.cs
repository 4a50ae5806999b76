using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Stillpoint.HyperV;

/// <summary>
/// An instance, or the output of a method, as it came: property names without regard to case, each with no value (null), one, or an array.
/// Missing and null are the same. A value is text, or a reference.
/// </summary>
/// <param name="className">Class; empty when a projection lost it.</param>
/// <param name="properties">Name to values.</param>
internal sealed class CimInstance(string className, IReadOnlyDictionary<string, IReadOnlyList<CimValue>> properties)
{
    public string ClassName { get; } = className;

    public bool Is(string name) => string.Equals(ClassName, name, StringComparison.OrdinalIgnoreCase);

    /// <summary>The properties that were asked for, when not all were.</summary>
    public IReadOnlySet<string>? Selected { get; private init; }

    /// <summary>Hears what is read.</summary>
    public ISchemaWitness? Witness { get; init; }

    /// <summary>The same, as the answer to a query for some properties of a class.</summary>
    /// <param name="asked">The class.</param>
    /// <param name="selected">Its properties that were asked for.</param>
    public CimInstance Of(string asked, IReadOnlySet<string> selected) => new(asked, properties) { Selected = selected, Witness = Witness };

    /// <summary>True when the instance lists the property, with a value or without.</summary>
    public bool Has(string name) => Take(name, ReadKind.Any) is not null && properties.ContainsKey(name);

    public IReadOnlyList<CimValue> Values(string name) => Take(name, ReadKind.Any);

    public string? Text(string name) => Take(name, ReadKind.Text) is [var first, ..] ? first.Text : null;

    public IReadOnlyList<string> Texts(string name) => [.. Take(name, ReadKind.Texts).Select(v => v.Text)];

    /// <exception cref="InvalidAnswerException">The property has no value.</exception>
    public string Required(string name) => Text(name) is { Length: > 0 } text ? text : throw Invalid(name, "has no value");

    /// <exception cref="InvalidAnswerException">The property is not a number of 0…2^63-1.</exception>
    public long? Number(string name) => Take(name, ReadKind.Number) is [var first, ..] ? ParseNumber(name, first.Text) : null;

    /// <exception cref="InvalidAnswerException">An element is not a number of 0…2^63-1.</exception>
    public IReadOnlyList<long> Numbers(string name) => [.. Take(name, ReadKind.Numbers).Select(v => ParseNumber(name, v.Text))];

    public bool? Flag(string name) => Take(name, ReadKind.Flag) is [var first, ..]
        ? string.Equals(first.Text, "true", StringComparison.OrdinalIgnoreCase) || first.Text == "1"
        : null;

    public EndpointReference? Reference(string name) => Take(name, ReadKind.Reference) is [var first, ..] ? first.Reference : null;

    /// <exception cref="InvalidAnswerException">The property is not a point in time.</exception>
    public DateTimeOffset? Time(string name) => Take(name, ReadKind.Time) is not [{ Text: { Length: > 0 } text }, ..] ? null
        : CimTime.TryParse(text, out var time) ? time
        : throw Invalid(name, $"is no time: '{Shorten(text)}'");

    /// <exception cref="InvalidOperationException">The property was not asked for: what it holds is unknown, not null.</exception>
    private IReadOnlyList<CimValue> Take(string name, ReadKind kind)
    {
        if (Selected?.Contains(name) == false) throw new InvalidOperationException($"{name} is read, but the query did not ask for it");
        Witness?.Read(ClassName, name, kind);
        return properties.GetValueOrDefault(name, []);
    }

    private long ParseNumber(string name, string text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value)
        ? value
        : throw Invalid(name, $"is no number of 0…2^63-1: '{Shorten(text)}'");

    private InvalidAnswerException Invalid(string name, string what) => new($"{(ClassName.Length > 0 ? ClassName : "an instance")}: {name} {what}");

    private static string Shorten(string text) => text.Length <= 64 ? text : text[..64] + "…";
}

/// <summary>One value of a property.</summary>
/// <param name="Text">As written; empty for a reference.</param>
/// <param name="Reference">The reference, when it is one.</param>
internal readonly record struct CimValue(string Text, EndpointReference? Reference = null);

/// <summary>The host's answer cannot be read: not XML, not SOAP, or a value of the wrong kind.</summary>
[SuppressMessage("Design", "CA1032", Justification = "always made with a message, inside this library")]
internal sealed class InvalidAnswerException(string message, Exception? inner = null) : Exception(message, inner);
