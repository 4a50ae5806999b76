namespace Stillpoint.Lab;

/// <summary>A method of a class.</summary>
/// <param name="ClassName">Class that has it.</param>
/// <param name="Name">Name of the method.</param>
/// <param name="Inputs">In and in/out parameters in the order of the MOF.</param>
/// <param name="Run">What it does; called with a target that exists.</param>
internal sealed record CimMethod(string ClassName, string Name, IReadOnlyList<CimProperty> Inputs, Func<MethodCall, MethodResult> Run)
{
    /// <summary>A method whose parameters are written <c>type Name, type[] Name, …</c>; <c>ref</c> is a reference.</summary>
    public static CimMethod Of(string className, string name, string inputs, Func<MethodCall, MethodResult> run) =>
        new(className, name, [.. inputs.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(Parse)], run);

    private static CimProperty Parse(string text)
    {
        var words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var isArray = words[0].EndsWith("[]", StringComparison.Ordinal);
        var type = words[0].TrimEnd('[', ']') switch
        {
            "ref" => CimType.Reference,
            "string" => CimType.String,
            "boolean" => CimType.Boolean,
            "uint8" => CimType.UInt8,
            "uint16" => CimType.UInt16,
            "uint32" => CimType.UInt32,
            "uint64" => CimType.UInt64,
            "datetime" => CimType.DateTime,
            var other => throw new InvalidOperationException($"no such type: {other}"),
        };
        return new CimProperty(words[1], type, isArray, IsKey: false);
    }
}
