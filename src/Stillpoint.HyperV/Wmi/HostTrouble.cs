using Stillpoint.Model;

namespace Stillpoint.HyperV;

/// <summary>Turns what a host answered into what a person needs: who, what, and what to do next.</summary>
internal static class HostTrouble
{
    private const string EventLog = "Read the host's event log Microsoft-Windows-Hyper-V-VMMS-Admin at that time.";

    private const string LogonRight = "Give 'NT VIRTUAL MACHINE\\Virtual Machines' the right 'Log on as a service' on the host "
        + "(a group policy takes it away), then run gpupdate.";

    // WBEM_E_… (wbemcli.h)
    private const uint OutOfMemory = 0x80041006;
    private const uint InvalidParameter = 0x80041008;
    private const uint InvalidClass = 0x80041010;
    private const uint ProviderLoadFailure = 0x80041013;
    private const uint TransportFailure = 0x80041015;
    private const uint InvalidQuery = 0x80041017;
    private const uint InvalidMethod = 0x8004102E;
    private const uint InvalidMethodParameters = 0x8004102F;
    private const uint ShuttingDown = 0x80041033;
    private const uint ServerTooBusy = 0x80041045;
    private const uint ProviderTimedOut = 0x80041069;
    private const uint QuotaViolation = 0x8004106C;

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
            _ when fault.Has(0x8007052F) => (LogonRight, false),
            { IsAccessDenied: true } => (Rights, false),
            { WmiError: InvalidClass } => ("The host does not have that class: it is older than Windows Server 2016, or its service vmms does not "
                + "run (sc query vmms). Older hosts cannot be backed up by the WMI method.", false),
            { IsNoSuchClass: true } =>
                ("Install the Hyper-V role on that host (Windows Server 2012 or later) and see that its service vmms runs.", false),
            { IsNotFound: true } => ("Look whether it was deleted, or moved to another host of the cluster.", false),
            { IsTimeout: true } => ("The host is slow or its service vmms hangs; the next run tries again.", true),
            { IsTooLong: true } => ("Raise MaxEnvelopeSizekb of WinRM on the host.", false),
            { Subcode: "QuotaLimit" } or { WmiError: QuotaViolation } =>
                ("Too many requests of this account are open on the host (winrm get winrm/config/service, MaxConcurrentOperationsPerUser); "
                + "the next run tries again.", true),
            { WmiError: ProviderLoadFailure or ShuttingDown or TransportFailure } or { IsServiceGone: true } =>
                ("Start the Hyper-V service on the host (net start vmms) and see that WMI runs (net start winmgmt); the next run tries again.", true),
            { WmiError: ProviderTimedOut or ServerTooBusy or OutOfMemory } => ("The host is overloaded; the next run tries again.", true),
            { WmiError: InvalidParameter or InvalidMethodParameters or InvalidQuery or InvalidMethod } or { Subcode: "SchemaValidationError" } =>
                ("The host understands this call otherwise than we do: report it with the version of the host (winver). " + EventLog, false),
            _ => (EventLog, false),
        };
        return new(subject, $"could not {task}: {Sentence(fault.Message)}{Numbers(fault)}", nextStep, retry, error);
    }

    private static TroubleException FromCall(HostCallException error, string subject, string task)
    {
        var (nextStep, retry) = error switch
        {
            _ when ReturnCode.IsAccessDenied(error.Code) || error.Has(0x80070005, 0x80041003) => (Rights, false),
            _ when error.Has(0x8007052F) => (LogonRight, false),
            _ when error.Has(0x80070070, 0x80070027) => ("Free space on the volume that holds the VM's disks.", false),
            _ when error.Has(0x80070002, 0x80070003) => ("A file is missing: compare the VM's settings with what is on the volume.", false),
            _ when error.Has(0x80070020) => ("A file is open elsewhere, perhaps by another backup product; the next run tries again.", true),
            _ when ReturnCode.IsNotSupported(error.Code) =>
                ("The host, or the VM's configuration version, does not offer this: look at 'stillpoint vm show'.", false),
            _ when ReturnCode.IsRefusedInput(error.Code) =>
                ("The host understands this call otherwise than we do: report it with the version of the host (winver). " + EventLog, false),
            _ when ReturnCode.IsUnavailable(error.Code) => ("The host is short of memory or not ready; the next run tries again.", true),
            _ when ReturnCode.IsFileMissing(error.Code) =>
                ("A file is missing or in use: compare the VM's settings with what is on the volume.", false),
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
