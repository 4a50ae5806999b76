namespace Stillpoint.Store.Tests;

/// <summary>A reader of one structure, for the fuzzer and for the fixed share that the tests replay.</summary>
/// <param name="Name">The structure.</param>
/// <param name="Seeds">Sound inputs. Where the structure has checksums or is sealed they hold what lies below: <paramref name="Read"/> seals what it is
/// given anew, so that damage reaches the reader and is not turned away at the door.</param>
/// <param name="Read">Reads an input whole. Returns false for one that it refused by the exception that is documented; throws any other.</param>
internal sealed record FuzzTarget(string Name, IReadOnlyList<byte[]> Seeds, Func<byte[], bool> Read)
{
    /// <summary>Only the documented refusal is an answer.</summary>
    public static bool Refuses<T>(Action read) where T : Exception
    {
        try
        {
            read();
            return true;
        }
        catch (T)
        {
            return false;
        }
    }
}
