using SharpFuzz;
using Stillpoint.Roles.Tests.Fuzz;
using Stillpoint.Store.Tests;

// afl-fuzz hands over one input after another. Anything but an answer or the documented refusal is a crash that it keeps.
//   names              one target a line
//   seeds NAME DIR     writes the first inputs of a target
//   run NAME           under afl-fuzz
// Instrumented code runs only inside of Run, which maps the fuzzer's memory first; names and seeds are for the time before it is instrumented.
var targets = new Lazy<Dictionary<string, FuzzTarget>>(() => StoreTargets.All().Concat(WireTargets.All()).ToDictionary(t => t.Name));
switch (args)
{
    case ["names"]:
        foreach (var name in targets.Value.Keys) Console.Out.WriteLine(name);
        return 0;
    case ["seeds", var name, var folder]:
        for (var i = 0; i < targets.Value[name].Seeds.Count; i++) File.WriteAllBytes(Path.Combine(folder, $"seed-{i}"), targets.Value[name].Seeds[i]);
        return 0;
    case ["run", var name]:
        Fuzzer.OutOfProcess.Run(stream =>
        {
            using var bytes = new MemoryStream();
            stream.CopyTo(bytes);
            targets.Value[name].Read(bytes.ToArray());
        });
        return 0;
    default:
        Console.Error.WriteLine("names | seeds NAME DIR | run NAME");
        return 2;
}
