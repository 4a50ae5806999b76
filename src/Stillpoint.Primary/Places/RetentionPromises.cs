using Stillpoint.Catalog;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>What the policies promise to keep of the images that a prune would give up. An image is promised while the schedule that made it keeps it:
/// for its days, or as one of the newest of its VM from that schedule. An image whose policy or schedule is gone is promised to nobody; one of which
/// the catalog does not know who made it, as after a rebuild, is held to what the policies keep that protect its VM now.</summary>
internal sealed class RetentionPromises(CatalogStore catalog, TimeProvider time)
{
    private const int MostImages = 1_000_000;

    /// <summary>Names of the plan's VMs, and for each promised image that goes, the promise in words.</summary>
    public async Task<(IReadOnlyDictionary<Guid, string> Names, IReadOnlyDictionary<Guid, string> Promised)> Of(PrunePlan plan, string unit)
    {
        var (names, promised, now) = (new Dictionary<Guid, string>(), new Dictionary<Guid, string>(), time.GetUtcNow());
        var policies = (await catalog.Policies.List()).Select(p => p.Policy).ToList();
        var schedules = policies.SelectMany(p => p.Schedules.Select(s => (Policy: p.Name, Schedule: s)))
            .ToDictionary(s => (s.Policy, s.Schedule.Name), s => s.Schedule.Retention);
        foreach (var vm in plan.Images.GroupBy(i => i.Vm))
        {
            var known = (await catalog.Images.List(new ImageFilter(Vm: vm.Key.ToString()), MostImages)).Where(i => i.StorageUnit == unit).ToList();
            if (known.Count > 0) names[vm.Key] = known[0].Vm;
            var going = vm.Where(i => !i.Stays).Select(i => i.Id).ToHashSet();
            var unknown = known.Where(i => i.Policy is null || i.Schedule is null).ToList();
            foreach (var policy in policies.Where(p => unknown.Count > 0 && Protects(p, unknown[0])))
            {
                foreach (var schedule in policy.Schedules)
                    Hold(unknown, schedule.Retention, $"made before the catalog was rebuilt; policy {policy.Name}, schedule {schedule.Name}, ");
            }
            foreach (var line in known.Where(i => i.Policy is not null && i.Schedule is not null).GroupBy(i => (i.Policy!, i.Schedule!)))
            {
                if (schedules.TryGetValue(line.Key, out var keep)) Hold(line, keep, $"policy {line.Key.Item1}, schedule {line.Key.Item2}, ");
            }

            void Hold(IEnumerable<ImageRecord> images, Retention keep, string who)
            {
                foreach (var (image, rank) in images.OrderByDescending(i => i.Created).Select((image, rank) => (image, rank)))
                {
                    if (going.Contains(image.Id) && (rank < keep.KeepLast || now - image.Created < TimeSpan.FromDays(keep.Days)))
                        promised[image.Id] = $"{who}keeps {keep.Days} days, at least {keep.KeepLast}";
                }
            }
        }
        return (names, promised);
    }

    /// <summary>By VM alone: the host that an image names may have another name since.</summary>
    private static bool Protects(Policy policy, ImageRecord image) => policy.Vms.Count == 0 || policy.Vms.Any(
        v => v.Vm is null || v.Vm.Equals(image.Vm, StringComparison.OrdinalIgnoreCase) || (Guid.TryParse(v.Vm, out var id) && id == image.VmId));
}
