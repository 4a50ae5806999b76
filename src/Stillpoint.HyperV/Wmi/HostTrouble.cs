using Stillpoint.Model;

namespace Stillpoint.HyperV;

/// <summary>Turns what a host answered into what a person needs: who, what, and what to do next.</summary>
internal static class HostTrouble
{
    private const string EventLog = "Read the host's event log Microsoft-Windows-Hyper-V-VMMS-Admin at that time.";

    private const string Rights =
        "Put the account into the host's Administrators or Hyper-V Administrators. A local account other than the built-in Administrator is filtered "
        + "by UAC over the network: set LocalAccountTokenFilterPolicy to 1, or use the built-in one.";

    /// <param name="error">What happened.</param>
    /// <param name="subject">Host, or VM and host.</param>
    /// <param name="task">What was to be done, as a verb: <c>take a checkpoint</c>.</param>
    public static TroubleException From(Exception error, string subject, string task) => error switch
    {
        WsManFaultException fault => FromFault(fault, subject, task),
        HostCallException call => FromCall(call, subject, task),
        _ => new(subject, $"could not {task}: {error.Message}.",
            "Look what answers at that address; report this if it is a Hyper-V host.", inner: error),
    };

    private static TroubleException FromFault(WsManFaultException error, string subject, string task)
    {
        var fault = error.Fault;
        var (nextStep, retry) = fault switch
        {
            { IsAccessDenied: true } => (Rights, false),
            { IsNoSuchClass: true } =>
                ("Install the Hyper-V role on that host (Windows Server 2012 or later) and see that its service vmms runs.", false),
            { IsNotFound: true } => ("Look whether it was deleted, or moved to another host of the cluster.", false),
            { IsTimeout: true } => ("The host is slow or its service vmms hangs; the next run tries again.", true),
            { IsTooLong: true } => ("Raise MaxEnvelopeSizekb of WinRM on the host.", false),
            { Subcode: "QuotaLimit" } => ("Too many requests of this account are open on the host; the next run tries again.", true),
            _ => (EventLog, false),
        };
        return new(subject, $"could not {task}: {Sentence(fault.Message)}{Numbers(fault)}", nextStep, retry, error);
    }

    private static TroubleException FromCall(HostCallException error, string subject, string task)
    {
        var (nextStep, retry) = error switch
        {
            _ when ReturnCode.IsAccessDenied(error.Code) || error.Has(0x80070005, 0x80041003) => (Rights, false),
            _ when error.Has(0x8007052F) => ("Give 'NT VIRTUAL MACHINE\\Virtual Machines' the right 'Log on as a service' on the host "
                + "(a group policy takes it away), then run gpupdate.", false),
            _ when error.Has(0x80070070, 0x80070027) => ("Free space on the volume that holds the VM's disks.", false),
            _ when error.Has(0x80070002, 0x80070003) => ("A file is missing: compare the VM's settings with what is on the volume.", false),
            _ when error.Has(0x80070020) => ("A file is open elsewhere, perhaps by another backup product; the next run tries again.", true),
            _ when ReturnCode.IsInvalidState(error.Code) =>
                ("Something else is going on with the VM (a merge, an export, another backup): the next run tries again.", true),
            _ when ReturnCode.IsTimeout(error.Code) => ("The host took too long; the next run tries again.", true),
            _ => (EventLog, false),
        };
        return new(subject, $"could not {task}: {Sentence(error.Message)}", nextStep, retry, error);
    }

    private static string Numbers(WsManFault fault)
    {
        var number = fault.WmiError != 0 ? fault.WmiError : fault.Code;
        return number == 0 ? "" : $" (0x{number:X8})";
    }

    private static string Sentence(string text) => text.EndsWith('.') || text.EndsWith('。') ? text : text + ".";
}
