using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>Turns the address of a storage unit, as people write it, into a volume: a directory, or a bucket (<see cref="S3Address"/>).</summary>
public static class VolumeAddress
{
    /// <summary>The address in the form by which two are compared: an absolute path, or a bucket's whole address.</summary>
    /// <param name="address">As people write it.</param>
    /// <param name="relativeTo">Absolute directory that a relative path starts from.</param>
    /// <exception cref="TroubleException">It is no address.</exception>
    public static string Normalize(string address, string relativeTo) =>
        S3Address.Is(address) ? S3Address.Parse(address).ToString() : Path.GetFullPath(address, relativeTo);

    /// <summary>True when a unit, or anything else, may be there; where only opening tells, true.</summary>
    public static bool MayHoldUnit(string address) => S3Address.Is(address) || File.Exists(Path.Combine(address, UnitNames.Configuration));

    /// <summary>True when nothing is there that a new unit could be mixed up with.</summary>
    /// <exception cref="TroubleException">The place cannot be looked at.</exception>
    public static async Task<bool> IsEmptyAsync(string address, UnitEnvironment environment, CancellationToken cancel)
    {
        if (!S3Address.Is(address)) return !Directory.Exists(address) || !Directory.EnumerateFileSystemEntries(address).Any();
        await using var volume = Open(address, environment);
        try
        {
            return await volume.ReadAsync(UnitNames.Configuration, 0, new byte[1], cancel) == 0;
        }
        catch (FileNotFoundException)
        {
            return true;
        }
        catch (IOException e)
        {
            throw UnitTrouble.Io(volume.Name, e);
        }
    }

    /// <summary>The volume, opened; nothing of it is read yet.</summary>
    /// <exception cref="TroubleException">It is no address, or there are no credentials for it.</exception>
    internal static IVolume Open(string address, UnitEnvironment environment)
    {
        if (!S3Address.Is(address)) return new LocalVolume(address, environment.NewId, environment.Name);
        var bucket = S3Address.Parse(address);
        return new S3Volume(bucket, S3Connection.Open(bucket), environment);
    }

    /// <summary>Makes the place where there is none: a directory. A bucket is made by whoever owns the object store.</summary>
    /// <exception cref="TroubleException">It cannot be made.</exception>
    internal static void Make(string address)
    {
        if (S3Address.Is(address)) return;
        try
        {
            Directory.CreateDirectory(address);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw UnitTrouble.Refused(address, $"the directory cannot be made: {e.Message}", "give a directory that you may write to");
        }
    }
}
