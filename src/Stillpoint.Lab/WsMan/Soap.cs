using System.Xml.Linq;

namespace Stillpoint.Lab;

/// <summary>Names of the protocol (DSP0226, DSP0227, MS-WSMV).</summary>
internal static class Soap
{
    public const string ResourcePrefix = "http://schemas.microsoft.com/wbem/wsman/1/wmi/";
    public const string Virtualization = ResourcePrefix + "root/virtualization/v2/";
    public const string Cimv2 = ResourcePrefix + "root/cimv2/";
    public const string Anonymous = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";
    public const string TransferAction = "http://schemas.xmlsoap.org/ws/2004/09/transfer/";
    public const string EnumerationAction = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/";
    public const string FaultAction = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault";
    public const string AddressingFaultAction = "http://schemas.xmlsoap.org/ws/2004/08/addressing/fault";
    public const string WqlDialect = "http://schemas.microsoft.com/wbem/wsman/1/WQL";
    public const string SelectorDialect = "http://schemas.dmtf.org/wbem/wsman/1/wsman/SelectorFilter";
    public const string AssociationDialect = "http://schemas.dmtf.org/wbem/wsman/1/cimbinding/associationFilter";

    /// <summary>Resource URI of a class: the host's own are in root\cimv2, all else in root\virtualization\v2.</summary>
    public static string UriOf(string className) => (IsCimv2(className) ? Cimv2 : Virtualization) + className;

    /// <summary>True for a class of the host itself.</summary>
    public static bool IsCimv2(string className) => className.StartsWith("Win32_", StringComparison.OrdinalIgnoreCase);

    public static readonly XNamespace S = "http://www.w3.org/2003/05/soap-envelope";
    public static readonly XNamespace A = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
    public static readonly XNamespace N = "http://schemas.xmlsoap.org/ws/2004/09/enumeration";
    public static readonly XNamespace X = "http://schemas.xmlsoap.org/ws/2004/09/transfer";
    public static readonly XNamespace W = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd";
    public static readonly XNamespace Wsmb = "http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd";
    public static readonly XNamespace Identity = "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd";
    public static readonly XNamespace Xsi = "http://www.w3.org/2001/XMLSchema-instance";
    public static readonly XNamespace Cim = "http://schemas.dmtf.org/wbem/wscim/1/common";
}
