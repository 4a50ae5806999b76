namespace Stillpoint.VirtualDisks;

/// <summary>A disk's file is damaged, is not what its child expects, or needs what this library cannot do. Names the structure and where it is.</summary>
public sealed class DiskFormatException : IOException
{
    /// <param name="path">The file.</param>
    /// <param name="structure">The part that is wrong, in the specification's words.</param>
    /// <param name="offset">Where it is in the file, bytes.</param>
    /// <param name="problem">What is wrong with it.</param>
    public DiskFormatException(string path, string structure, long offset, string problem)
        : base($"{path}: {structure} at {offset}: {problem}")
    {
        Path = path;
        Structure = structure;
        Offset = offset;
        Problem = problem;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The part that is wrong.</summary>
    public string Structure { get; }

    /// <summary>Where it is in the file, bytes.</summary>
    public long Offset { get; }

    /// <summary>What is wrong with it.</summary>
    public string Problem { get; }
}
