namespace Stillpoint.Lab;

/// <summary>One call of a method.</summary>
/// <param name="Target">The instance it was called on.</param>
/// <param name="Arguments">Parameter name to value; a parameter that was left out or nil is absent. Numbers are ulong, references
/// <see cref="CimPath"/>, arrays lists of these.</param>
internal sealed record MethodCall(CimInstance Target, IReadOnlyDictionary<string, object> Arguments)
{
    /// <summary>A reference that the method cannot do without.</summary>
    public CimPath Reference(string name) => Arguments.GetValueOrDefault(name) as CimPath ?? throw Missing();

    /// <summary>A text, or null.</summary>
    public string? Text(string name) => Arguments.GetValueOrDefault(name) is string { Length: > 0 } text ? text : null;

    /// <summary>A number; <paramref name="absent"/> when it was left out.</summary>
    public ulong Number(string name, ulong absent = 0) => Arguments.GetValueOrDefault(name) as ulong? ?? absent;

    /// <summary>A truth value; false when it was left out.</summary>
    public bool Flag(string name) => Arguments.GetValueOrDefault(name) as bool? ?? false;

    /// <summary>An array of texts; empty when it was left out.</summary>
    public IReadOnlyList<string> Texts(string name) => Arguments.GetValueOrDefault(name) is List<object> many ? [.. many.OfType<string>()] : [];

    /// <summary>An array of references; empty when it was left out.</summary>
    public IReadOnlyList<CimPath> References(string name) =>
        Arguments.GetValueOrDefault(name) is List<object> many ? [.. many.OfType<CimPath>()] : [];

    private static CimException Missing() => new(CimException.InvalidMethodParameters, "Invalid method Parameter(s) ");
}

/// <summary>What a method answers.</summary>
/// <param name="ReturnValue">0 done, 4096 a job was started, anything else an error.</param>
/// <param name="Outs">Out parameters; those without a value are left out of the answer.</param>
internal sealed record MethodResult(uint ReturnValue, params (string Name, object? Value)[] Outs)
{
    public const uint Done = 0;
    public const uint Started = 4096;
    public const uint Failed = 32768;
    public const uint AccessDenied = 32769;
    public const uint NotSupported = 32770;
    public const uint InvalidParameter = 32773;
    public const uint InvalidState = 32775;
    public const uint IncorrectDataType = 32776;
    public const uint FileNotFound = 32779;

    /// <summary>The answer that names a job.</summary>
    public static MethodResult Job(CimPath job) => new(Started, ("Job", job));
}
