namespace Stillpoint.Lab;

/// <summary>Methods of jobs (A.8 of the notes).</summary>
internal sealed class JobMethods(JobBoard jobs)
{
    private const string Class = "CIM_ConcreteJob";
    private const int Terminate = 4;
    private const int Kill = 5;

    /// <summary>All of them.</summary>
    public IEnumerable<CimMethod> All() =>
    [
        CimMethod.Of(Class, "GetError", "", call => new MethodResult(MethodResult.Done, ("Error", Error(call)))),
        CimMethod.Of(Class, "GetErrorEx", "", call =>
            new MethodResult(MethodResult.Done, ("Errors", Error(call) is { } error ? new[] { error } : null))),
        CimMethod.Of(Class, "RequestStateChange", "uint16 RequestedState, datetime TimeoutPeriod", ChangeState),
    ];

    private MethodResult ChangeState(MethodCall call) => (int)call.Number("RequestedState") is Terminate or Kill
        ? new MethodResult(jobs.Terminate((string)call.Target["InstanceID"]!) ? MethodResult.Done : MethodResult.InvalidState)
        : new MethodResult(MethodResult.NotSupported);

    private static string? Error(MethodCall call)
    {
        if (call.Target["JobState"] is not LabJob.Failed) return null;
        var text = (string?)call.Target["ErrorDescription"];
        return CimText.Write("Msvm_Error",
            ("CIMStatusCode", "uint32", 1U),
            ("CIMStatusCodeDescription", "string", null),
            ("ErrorSource", "string", null),
            ("ErrorSourceFormat", "uint16", (ushort)0),
            ("ErrorType", "uint16", (ushort)2),
            ("Message", "string", text),
            ("MessageID", "string", null),
            ("OwningEntity", "string", null),
            ("PerceivedSeverity", "uint16", (ushort)4),
            ("ProbableCause", "uint16", (ushort)0));
    }
}
