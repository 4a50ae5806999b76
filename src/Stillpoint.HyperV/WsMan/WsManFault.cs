using System.Diagnostics.CodeAnalysis;

namespace Stillpoint.HyperV;

/// <summary>A SOAP fault as hosts send it.</summary>
/// <param name="Subcode">Local name, for example <c>AccessDenied</c>; empty for none.</param>
/// <param name="Code"><c>WSManFault/@Code</c>; 0 for none.</param>
/// <param name="WmiError">The provider's HRESULT (<c>MSFT_WmiError.error_Code</c> or the inner WSManFault); 0 for none.</param>
/// <param name="Message">The host's words, in its own language.</param>
internal sealed record WsManFault(string Subcode, uint Code, uint WmiError, string Message)
{
    public const uint OperationTimedOut = 0x80338029;
    public const uint InvalidResourceUri = 2150858778;

    /// <summary>True when the call ran longer than the operation timeout.</summary>
    public bool IsTimeout => Subcode == "TimedOut" || Code == OperationTimedOut;

    /// <summary>True when the answer would have been longer than asked for.</summary>
    public bool IsTooLong => Subcode is "EncodingLimit";

    /// <summary>True when the instance is not there.</summary>
    public bool IsNotFound => WmiError == 0x80041002 || (WmiError == 0 && Subcode == "DestinationUnreachable" && Code != InvalidResourceUri);

    /// <summary>True when the account may not ask.</summary>
    public bool IsAccessDenied => Subcode == "AccessDenied" || Code == 5 || WmiError is 0x80041003 or 0x80070005;

    /// <summary>True when the service behind WMI does not answer: RPC server unavailable, or the call failed on its way.</summary>
    public bool IsServiceGone => Has(0x800706BA, 0x800706BE, 0x80010108);

    /// <summary>True when one of these errors is the provider's or the service's.</summary>
    public bool Has(params ReadOnlySpan<uint> errors) => errors.Contains(WmiError) || errors.Contains(Code)
        || (Code & 0xFFFF0000) == 0 && Code != 0 && errors.Contains(0x80070000 | Code);

    /// <summary>True when the host has no such namespace or class: the Hyper-V role is not there.</summary>
    public bool IsNoSuchClass => Code == InvalidResourceUri || WmiError is 0x8004100E or 0x80041010;
}

/// <summary>The host answered with a fault.</summary>
[SuppressMessage("Design", "CA1032", Justification = "always made from a fault, inside this library")]
internal sealed class WsManFaultException(WsManFault fault) : Exception(fault.Message)
{
    public WsManFault Fault { get; } = fault;
}
