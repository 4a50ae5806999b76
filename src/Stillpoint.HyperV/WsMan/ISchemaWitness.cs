namespace Stillpoint.HyperV;

/// <summary>Hears all that is asked of a host and read of its answers: for tests that hold this client to the published schema.</summary>
internal interface ISchemaWitness
{
    void Query(string wql);

    void Enumerated(string className);

    void Reference(EndpointReference target);

    void Call(MethodCall call);

    /// <param name="className">Class of the instance, or <c>METHOD_OUTPUT</c>.</param>
    /// <param name="property">What is read.</param>
    /// <param name="kind">As what.</param>
    void Read(string className, string property, ReadKind kind);
}

/// <summary>As what a property is read.</summary>
internal enum ReadKind
{
    /// <summary>As it came, or only whether it is there.</summary>
    Any,
    Text,
    Texts,
    Number,
    Numbers,
    Flag,
    Time,
    Reference,
}
