namespace Stillpoint.Lab;

/// <summary>Types of CIM properties and parameters that the lab serves (DSP0004 5.2).</summary>
internal enum CimType
{
    Boolean,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    String,

    /// <summary>A point in time.</summary>
    DateTime,

    /// <summary>CIM's datetime in its interval form.</summary>
    Interval,
    Reference,
}

/// <summary>A property of a class, or a parameter of a method.</summary>
/// <param name="Name">Name as the schema spells it.</param>
/// <param name="Type">Type of one value.</param>
/// <param name="IsArray">True for an array of such values.</param>
/// <param name="IsKey">True for a part of the instance's identity.</param>
internal sealed record CimProperty(string Name, CimType Type, bool IsArray, bool IsKey);
