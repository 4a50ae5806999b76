using System.Text;

namespace Stillpoint.Cli;

/// <summary>A new file for a secret that only its owner may read; taken away again when nothing was written to it.</summary>
internal sealed class SecretFile : IAsyncDisposable
{
    private readonly FileStream _file;
    private bool _written;

    private SecretFile(FileStream file) => _file = file;

    public string Path => _file.Name;

    /// <summary>Makes the file.</summary>
    /// <exception cref="IOException">It is there already, or cannot be made.</exception>
    public static SecretFile Create(string path)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        // Windows: the folder's rights hold.
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return new SecretFile(new FileStream(path, options));
    }

    /// <summary>Writes the secret and a line end.</summary>
    public async Task Write(string secret, CancellationToken cancel)
    {
        await _file.WriteAsync(Encoding.UTF8.GetBytes(secret + "\n"), cancel);
        await _file.FlushAsync(cancel);
        _written = true;
    }

    public async ValueTask DisposeAsync()
    {
        await _file.DisposeAsync();
        if (!_written) File.Delete(Path);
    }
}
