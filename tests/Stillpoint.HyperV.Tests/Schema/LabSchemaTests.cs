using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Stillpoint.Lab;

namespace Stillpoint.HyperV.Tests.Schema;

/// <summary>The lab's classes and methods are those of the published schema.</summary>
public sealed class LabSchemaTests
{
    private static readonly Mof Mof = Mof.Published;
    private static readonly CimSchema Lab = CimSchema.Load();

    public static TheoryData<string> Classes => [.. Lab.Classes.Select(c => c.Name).Where(Mof.Classes.ContainsKey)];

    [Theory]
    [MemberData(nameof(Classes))]
    public void A_class_has_the_properties_that_are_published(string name)
    {
        var lab = Lab.Get(name);
        var published = Mof.Classes[name];
        foreach (var property in published.Properties.Values)
        {
            var own = lab.Find(property.Name);
            Assert.True(own is not null, $"{name} lacks {property.Name}");
            Assert.Equal(property.Name, own.Name);
            Assert.True(Type(own) == (property.IsReference ? "REF" : property.Type), $"{name}.{property.Name} is {property.Type}, not {Type(own)}");
            Assert.True(own.IsArray == property.IsArray, $"{name}.{property.Name}: array");
            Assert.True(own.IsKey == property.IsKey, $"{name}.{property.Name}: key");
        }
        if (!published.IsPartial) Assert.All(lab.Properties, p => Assert.True(published.Properties.ContainsKey(p.Name), $"{name} has no {p.Name}"));
    }

    [Fact]
    public async Task Every_method_has_the_parameters_that_are_published()
    {
        var folder = Directory.CreateTempSubdirectory("stillpoint-schema-").FullName;
        using var random = RandomNumberGenerator.Create();
        var options = new LabOptions { DataFolder = folder, WithFixtures = false, NewId = () => Guid.Empty, Random = random };
        IReadOnlyList<CimMethod> methods;
        await using (var parts = new LabParts(options, NullLoggerFactory.Instance)) methods = parts.Methods.All;
        Directory.Delete(folder, recursive: true);
        Assert.True(methods.Count > 20);
        foreach (var method in methods)
        {
            var owners = Mof.Classes.Values.Where(c => c.Name == method.ClassName || c.Parent == method.ClassName).ToArray();
            Assert.True(owners.Any(c => c.Methods.ContainsKey(method.Name)), $"{method.ClassName}.{method.Name} is not in Schema/mof.txt");
            foreach (var published in owners.Where(c => c.Methods.ContainsKey(method.Name)).Select(c => c.Methods[method.Name]))
            {
                Assert.Equal(published.Where(p => p.IsIn).Select(p => $"{(p.IsReference ? "REF" : p.Type)}{(p.IsArray ? "[]" : "")} {p.Name}"),
                    method.Inputs.Select(p => $"{Type(p)}{(p.IsArray ? "[]" : "")} {p.Name}"));
            }
        }
    }

    [Fact]
    public void The_table_is_the_clients_world_and_the_lab_serves_it()
    {
        // Abstract classes and those that are only embedded have no instances.
        string[] without =
        [
            "CIM_ComputerSystem", "CIM_VirtualSystemSettingData", "CIM_ResourceAllocationSettingData", "CIM_ConcreteJob",
            "Msvm_VirtualSystemSnapshotSettingData",
        ];
        Assert.Equal([], Mof.Classes.Keys.Except(Lab.Classes.Select(c => c.Name)).Except(without));
    }

    private static string Type(CimProperty property) => property.Type switch
    {
        CimType.Reference => "REF",
        CimType.DateTime or CimType.Interval => "datetime",
        var type => type.ToString().ToLowerInvariant(),
    };
}
