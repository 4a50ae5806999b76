using Stillpoint.Chunks;

namespace Stillpoint.Cli;

/// <summary>Finds the image that a person means: <c>latest</c>, an id, or the unambiguous beginning of one.</summary>
internal static class ImageChoice
{
    /// <param name="images">Newest first.</param>
    /// <param name="text">What was written.</param>
    /// <exception cref="CommandFailedException">None fits, or several do.</exception>
    public static StoredImage Find(IReadOnlyList<StoredImage> images, string text)
    {
        if (images.Count == 0) throw new CommandFailedException(ExitCodes.NotFound, "there is no image.", "run a backup first, or give the key file of its domain");
        if (text == "latest") return images[0];
        var prefix = text.Replace("-", "", StringComparison.Ordinal);
        var fits = prefix.Length == 0 ? [] : images.Where(i => i.Header.Id.ToString("N").StartsWith(prefix, StringComparison.OrdinalIgnoreCase)).ToList();
        return fits.Count switch
        {
            1 => fits[0],
            0 => throw new CommandFailedException(ExitCodes.NotFound, $"no image begins with {text}.", "list them with: stillpoint store images UNIT"),
            _ => throw new CommandFailedException(ExitCodes.Failed, $"{fits.Count} images begin with {text}.", "write more of the id"),
        };
    }
}
