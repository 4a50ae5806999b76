namespace Stillpoint.Lab;

/// <summary>A request that ends in a SOAP fault.</summary>
/// <param name="subcode">Qualified name with one of the prefixes <c>w</c>, <c>n</c>, <c>a</c> of the answer's envelope.</param>
/// <param name="code">WSManFault code.</param>
/// <param name="reason">What the host says.</param>
internal sealed class SoapFault(string subcode, uint code, string reason) : Exception(reason)
{
    public const uint InvalidResource = 2150858778;
    public const uint KeysRequired = 2150859002;
    public const uint ProviderFailed = 2150859010;
    // Nothing recorded pins these numbers; a client must go by the subcode.
    private const uint SchemaCode = 2150858817;
    private const uint UnsupportedAction = 2150858754;
    private const uint EncodingLimitCode = 2150858747;
    private const uint ContextCode = 2150858770;
    private const uint QuotaCode = 2150858892;
    private const uint FilterCode = 2150858776;
    private const uint SelectorCode = 2150858843;
    private const uint Denied = 5;
    private const uint OperationTimeout = 0x80338029;

    /// <summary>Qualified name of the subcode.</summary>
    public string Subcode { get; } = subcode;

    /// <summary>WSManFault code.</summary>
    public uint Code { get; } = code;

    /// <summary>The WMI error below, when the provider is at fault.</summary>
    public CimException? Provider { get; private init; }

    /// <summary>True for a fault that the sender caused.</summary>
    public bool IsSender => Subcode is not ("w:InternalError" or "w:TimedOut");

    public static SoapFault Schema(string reason) => new("w:SchemaValidationError", SchemaCode, reason);

    public static SoapFault Resource() => new("a:DestinationUnreachable", InvalidResource,
        "The WS-Management service cannot process the request. The resource URI is missing or it has an incorrect format. ");

    public static SoapFault NeedsStar() => new("w:CannotProcessFilter", FilterCode,
        "The WS-Management service cannot process the request. "
        + "For WQL queries the resource URI must not contain keys, and the class name must be '*'. ");

    public static SoapFault Keys() => new("w:InvalidSelectors", KeysRequired,
        "The WS-Management service cannot process the request. The resource URI requires keys, and they are missing. ");

    public static SoapFault Selectors() => new("w:InvalidSelectors", SelectorCode,
        "The WS-Management service cannot process the request because the selectors are not valid for this resource. ");

    public static SoapFault Filter(string reason) => new("w:CannotProcessFilter", FilterCode, reason);

    public static SoapFault Action() => new("a:ActionNotSupported", UnsupportedAction,
        "The WS-Management service cannot process the request because the action is not supported by this resource. ");

    public static SoapFault EncodingLimit() => new("w:EncodingLimit", EncodingLimitCode,
        "The WS-Management service cannot process the request. The maximum envelope size is too small for the answer or below 8192. ");

    public static SoapFault Context() => new("n:InvalidEnumerationContext", ContextCode,
        "The WS-Management service cannot process the request because the enumeration context is not valid. ");

    public static SoapFault Quota() => new("w:QuotaLimit", QuotaCode,
        "The WS-Management service cannot process the request. The maximum number of concurrent enumerations has been exceeded. ");

    public static SoapFault AccessDenied() => new("w:AccessDenied", Denied, "Access is denied. ");

    public static SoapFault TimedOut() => new("w:TimedOut", OperationTimeout,
        "The WS-Management service cannot complete the operation within the time specified in OperationTimeout. ");

    public static SoapFault ServiceGone() => new("w:InternalError", ProviderFailed, "The RPC server is unavailable. ")
    {
        Provider = new CimException(0x800706BA, "The RPC server is unavailable. "),
    };

    /// <summary>The fault for an error of the CIM layer.</summary>
    public static SoapFault From(CimException error) => error.Code switch
    {
        CimException.AccessDenied => new("w:AccessDenied", Denied, error.Message) { Provider = error },
        CimException.NotFound => new("a:DestinationUnreachable", ProviderFailed, error.Message) { Provider = error },
        CimException.InvalidClass => new("a:DestinationUnreachable", InvalidResource, error.Message) { Provider = error },
        CimException.InvalidQuery => new("w:CannotProcessFilter", ProviderFailed, error.Message) { Provider = error },
        CimException.InvalidMethod => new("a:ActionNotSupported", ProviderFailed, error.Message) { Provider = error },
        CimException.InvalidMethodParameters or CimException.InvalidParameter =>
            new("w:InvalidParameter", ProviderFailed, error.Message) { Provider = error },
        _ => new("w:InternalError", ProviderFailed, error.Message) { Provider = error },
    };
}
