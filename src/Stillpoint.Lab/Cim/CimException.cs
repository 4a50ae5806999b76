namespace Stillpoint.Lab;

/// <summary>An error of the CIM layer, as WMI numbers it.</summary>
internal sealed class CimException(uint code, string message) : Exception(message)
{
    public const uint NotFound = 0x80041002;
    public const uint AccessDenied = 0x80041003;
    public const uint InvalidParameter = 0x80041008;
    public const uint InvalidClass = 0x80041010;
    public const uint InvalidQuery = 0x80041017;
    public const uint InvalidMethod = 0x8004102E;
    public const uint InvalidMethodParameters = 0x8004102F;

    /// <summary>The HRESULT (WBEM_E_…).</summary>
    public uint Code { get; } = code;
}
