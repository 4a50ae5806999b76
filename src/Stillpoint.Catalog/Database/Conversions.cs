using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.ChangeTracking;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;
using Stillpoint.Model;

namespace Stillpoint.Catalog;

/// <summary>Enum values are stored as their words: a table can be read without the program, and an inserted value moves no other.</summary>
internal sealed class WordConverter<T>() : ValueConverter<T, string>(value => Words.Of(value), word => Parse(word)) where T : struct, Enum
{
    private static T Parse(string word) =>
        Words.TryParse<T>(word, out var value) ? value : throw new InvalidDataException($"'{word}' is no {typeof(T).Name}.");
}

/// <summary>Times are stored as UTC ticks: they sort and compare in every database alike.</summary>
internal sealed class TimeConverter() : ValueConverter<DateTimeOffset, long>(value => value.UtcTicks, ticks => new DateTimeOffset(ticks, TimeSpan.Zero));

/// <summary>Spans are stored as ticks.</summary>
internal sealed class SpanConverter() : ValueConverter<TimeSpan, long>(value => value.Ticks, ticks => new TimeSpan(ticks));

/// <summary>Lists and small documents that are only read whole.</summary>
internal static class JsonColumn
{
    public static PropertyBuilder<T> IsJson<T>(this PropertyBuilder<T> property) =>
        property.HasConversion(
            new ValueConverter<T, string>(value => Write(value), text => Read<T>(text)),
            new ValueComparer<T>((a, b) => Write(a) == Write(b), value => Write(value).GetHashCode(StringComparison.Ordinal), value => value));

    private static string Write<T>(T value) => JsonSerializer.Serialize(value, Words.Json);

    private static T Read<T>(string text) => JsonSerializer.Deserialize<T>(text, Words.Json)!;
}
