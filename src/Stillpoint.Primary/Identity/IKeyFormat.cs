namespace Stillpoint.Primary;

/// <summary>How a key domain's master lies in a file. The format belongs to the storage unit's code, which this project does not know; the
/// executable joins the two.</summary>
public interface IKeyFormat
{
    /// <summary>The key file's bytes for a master of 32 bytes.</summary>
    byte[] Write(ReadOnlySpan<byte> master);

    /// <summary>The master in a key file.</summary>
    /// <exception cref="Model.TroubleException">It is no key file.</exception>
    byte[] Read(ReadOnlySpan<byte> file, string path);

    /// <summary>The id of the domain that a master makes.</summary>
    Guid DomainOf(ReadOnlySpan<byte> master);
}
