using Stillpoint.Catalog;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>What the policies promise to keep of the images that a prune would give up. An image is promised while the schedule that made it keeps it:
/// for its days, or as one of the newest of its VM from that schedule. An image whose policy or schedule is gone is promised to nobody.</summary>
internal sealed class RetentionPromises(CatalogStore catalog, TimeProvider time)
{
    private const int MostImages = 1_000_000;

    /// <summary>Names of the plan's VMs, and for each promised image that goes, the promise in words.</summary>
    public async Task<(IReadOnlyDictionary<Guid, string> Names, IReadOnlyDictionary<Guid, string> Promised)> Of(PrunePlan plan, string unit)
    {
        var (names, promised, now) = (new Dictionary<Guid, string>(), new Dictionary<Guid, string>(), time.GetUtcNow());
        var schedules = (await catalog.Policies.List()).SelectMany(p => p.Policy.Schedules.Select(s => (Policy: p.Policy.Name, Schedule: s)))
            .ToDictionary(s => (s.Policy, s.Schedule.Name), s => s.Schedule.Retention);
        foreach (var vm in plan.Images.GroupBy(i => i.Vm))
        {
            var known = (await catalog.Images.List(new ImageFilter(Vm: vm.Key.ToString()), MostImages)).Where(i => i.StorageUnit == unit).ToList();
            if (known.Count > 0) names[vm.Key] = known[0].Vm;
            var going = vm.Where(i => !i.Stays).Select(i => i.Id).ToHashSet();
            foreach (var line in known.Where(i => i.Policy is not null && i.Schedule is not null).GroupBy(i => (i.Policy!, i.Schedule!)))
            {
                if (!schedules.TryGetValue(line.Key, out var keep)) continue;
                var words = $"policy {line.Key.Item1}, schedule {line.Key.Item2}, keeps {keep.Days} days, at least {keep.KeepLast}";
                foreach (var (image, rank) in line.OrderByDescending(i => i.Created).Select((image, rank) => (image, rank)))
                    if (going.Contains(image.Id) && (rank < keep.KeepLast || now - image.Created < TimeSpan.FromDays(keep.Days))) promised[image.Id] = words;
            }
        }
        return (names, promised);
    }
}
