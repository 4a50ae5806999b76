using System.Runtime.CompilerServices;
using System.Text;
using System.Xml.Linq;

namespace Stillpoint.HyperV.Tests;

/// <summary>Requests against golden files. STILLPOINT_WRITE_GOLDEN=1 writes them anew.</summary>
public sealed class RequestShapeTests
{
    private static readonly RequestEnvelope Requests = new(
        new Uri("https://hv1.example:5986/wsman"), 153_600, TimeSpan.FromSeconds(60), () => new Guid("6A3F2B10-0000-4000-8000-000000000001"));

    [Fact]
    public void Get() => Golden("get.xml", Requests.Get(HyperVNames.Instance("Msvm_StorageJob", "8E8B5E8C-0000-4000-8000-000000000001")));

    [Fact]
    public void Enumerate_a_class() => Golden("enumerate-class.xml", Requests.EnumerateClass(HyperVNames.Uri("Msvm_AffectedJobElement"), 1000));

    [Fact]
    public void Enumerate_a_query() => Golden("enumerate-query.xml", Requests.EnumerateQuery(HyperVNames.AnyClass,
        Wql.Associators(HyperVNames.System("Msvm_ComputerSystem", new Guid("A1B2C3D4-0000-4000-8000-000000000001")),
            "Msvm_SettingsDefineState", "Msvm_VirtualSystemSettingData"), 1000));

    [Fact]
    public void Pull() => Golden("pull.xml", Requests.Pull(HyperVNames.AnyClass, "uuid:1", 1000));

    [Fact]
    public void Release() => Golden("release.xml", Requests.Release(HyperVNames.AnyClass, "uuid:1"));

    [Fact]
    public void Invoke() => Golden("invoke.xml", Requests.Invoke(new MethodCall(
        HyperVNames.Service("Msvm_VirtualSystemSnapshotService"), "CreateSnapshot",
        MethodParameter.Reference("AffectedSystem", HyperVNames.System("Msvm_ComputerSystem", new Guid("A1B2C3D4-0000-4000-8000-000000000001"))),
        MethodParameter.Text("SnapshotSettings", new EmbeddedInstance("Msvm_VirtualSystemSnapshotSettingData")
            .Number("ConsistencyLevel", "uint8", 1).Flag("IgnoreNonSnapshottableDisks", true).Number("GuestBackupType", "uint8", 2).ToString()),
        MethodParameter.Number("SnapshotType", 32768))));

    private static void Golden(string name, byte[] actual, [CallerFilePath] string here = "")
    {
        var text = XElement.Parse(Encoding.UTF8.GetString(actual)).ToString() + "\n";
        if (Environment.GetEnvironmentVariable("STILLPOINT_WRITE_GOLDEN") == "1")
            File.WriteAllText(Path.Combine(Path.GetDirectoryName(here)!, "Golden", name), text);
        Assert.Equal(Messages.Recorded(name), text);
    }
}
