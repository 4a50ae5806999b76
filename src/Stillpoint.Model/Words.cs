using System.Text.Json;
using System.Text.Json.Serialization;

namespace Stillpoint.Model;

/// <summary>How a value of one of our enums is written for people and on the wire: kebab case, <c>DifferentialIncremental</c> →
/// <c>differential-incremental</c>.</summary>
public static class Words
{
    /// <summary>The JSON rules of every document and message of ours: camel-case names, kebab-case enum values, nulls left out.</summary>
    public static JsonSerializerOptions Json { get; } = Configure(new JsonSerializerOptions());

    /// <summary>As <see cref="Json"/>, indented, for people.</summary>
    public static JsonSerializerOptions ReadableJson { get; } = Configure(new JsonSerializerOptions { WriteIndented = true });

    /// <summary>The word for a value.</summary>
    public static string Of<T>(T value) where T : struct, Enum => JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString());

    /// <summary>The value for a word; false when the enum has none such.</summary>
    public static bool TryParse<T>(string? word, out T value) where T : struct, Enum
    {
        foreach (var candidate in Enum.GetValues<T>())
        {
            if (!string.Equals(Of(candidate), word, StringComparison.OrdinalIgnoreCase)) continue;
            value = candidate;
            return true;
        }
        value = default;
        return false;
    }

    /// <summary>Applies the rules of <see cref="Json"/> to options that a framework made.</summary>
    public static JsonSerializerOptions Configure(JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.PropertyNamingPolicy = JsonNamingPolicy.CamelCase;
        options.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
        options.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false));
        options.MaxDepth = 32;
        return options;
    }
}
