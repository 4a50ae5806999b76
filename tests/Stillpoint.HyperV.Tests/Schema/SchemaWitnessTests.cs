using Xunit.Sdk;

namespace Stillpoint.HyperV.Tests.Schema;

/// <summary>The witness itself: it lets what is published pass and nothing else.</summary>
public sealed class SchemaWitnessTests
{
    private static readonly EndpointReference Snapshots = HyperVNames.Service(HyperVNames.SnapshotService);
    private static readonly EndpointReference Vm = HyperVNames.System(HyperVNames.ComputerSystem, Guid.Empty);
    private readonly SchemaWitness _witness = new();

    [Fact]
    public void What_is_published_passes()
    {
        _witness.Query("SELECT Name,ElementName FROM Msvm_ComputerSystem WHERE Name = 'x'");
        _witness.Query(Wql.Associators(Vm, "Msvm_SettingsDefineState", HyperVNames.Settings));
        _witness.Read("Msvm_VirtualSystemSettingData", "CreationTime", ReadKind.Time);
        _witness.Read("CreateSnapshot_OUTPUT", "Job", ReadKind.Reference);
        _witness.Call(new MethodCall(Snapshots, "CreateSnapshot", MethodParameter.Reference("AffectedSystem", Vm),
            MethodParameter.Text("SnapshotSettings",
                new EmbeddedInstance(HyperVNames.SnapshotSettings).Number("ConsistencyLevel", "uint8", 1).ToString()),
            MethodParameter.Number("SnapshotType", 32768)));
    }

    [Fact]
    public void What_is_not_published_fails()
    {
        Refuses(w => w.Query("SELECT Nmae FROM Msvm_ComputerSystem"));
        Refuses(w => w.Query("SELECT * FROM Msvm_ComputerSystem WHERE OperationalStatus = '2'")); // an array cannot be compared
        Refuses(w => w.Query("SELECT * FROM Msvm_Invented"));
        Refuses(w => w.Query(Wql.Associators(Vm, "Msvm_ParentChildSettingData", HyperVNames.Settings)));
        Refuses(w => w.Query("REFERENCES OF {x}"));
        Refuses(w => w.Reference(new(HyperVNames.Uri("Msvm_ComputerSystem"), [KeyValuePair.Create("ElementName", "web")])));
        Refuses(w => w.Read("Msvm_ComputerSystem", "EnabledState", ReadKind.Flag));
        Refuses(w => w.Read("Msvm_ComputerSystem", "OperationalStatus", ReadKind.Number));
        Refuses(w => w.Read("CreateSnapshot_OUTPUT", "Snapshot", ReadKind.Reference));
        Refuses(w => w.Call(new MethodCall(Snapshots, "CreateSnapshto")));
        Refuses(w => w.Call(new MethodCall(Snapshots, "DestroySnapshot", MethodParameter.Reference("AffectedSnapshot", Vm))));
        Refuses(w => w.Call(new MethodCall(Snapshots, "DestroySnapshot", MethodParameter.Text("AffectedSnapshot", "x"))));
        Refuses(w => w.Call(new MethodCall(Snapshots, "CreateSnapshot", MethodParameter.Number("SnapshotType", 70_000))));
        Refuses(w => w.Call(new MethodCall(Snapshots, "CreateSnapshot", MethodParameter.Number("SnapshotType", 2),
            MethodParameter.Reference("AffectedSystem", Vm)))); // not in the order of the MOF
        Refuses(w => w.Call(new MethodCall(Snapshots, "CreateSnapshot", MethodParameter.Text("SnapshotSettings",
            new EmbeddedInstance(HyperVNames.SnapshotSettings).Number("ConsistencyLevel", "uint16", 1).ToString()))));
        Refuses(w => w.Call(new MethodCall(Snapshots, "CreateSnapshot", MethodParameter.Text("SnapshotSettings",
            new EmbeddedInstance(HyperVNames.SnapshotSettings).Flag("GuestBackupType", true).ToString()))));
    }

    private void Refuses(Action<SchemaWitness> use) => Assert.ThrowsAny<XunitException>(() => use(_witness));
}
