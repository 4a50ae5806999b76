using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary>The types of images in few letters, for tables on narrow terminals.</summary>
internal static class ShortType
{
    public static string Of(string word) => !Words.TryParse<ImageType>(word, out var type) ? word : type switch
    {
        ImageType.DifferentialIncremental => "diff",
        ImageType.CumulativeIncremental => "cumul",
        _ => word,
    };
}
