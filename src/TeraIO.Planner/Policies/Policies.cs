using TeraIO.Core;
using TeraIO.Core.Plans;
using TeraIO.Planner.Policies.Published;

namespace TeraIO.Planner.Policies;

/// <summary>Every policy, by name.</summary>
public static class Policies
{
    /// <summary>All of them, in the order in which tables list them.</summary>
    public static IReadOnlyList<IMigrationPolicy> All { get; } =
    [
        new UnlimitedPolicy(),
        new OnDemandPolicy("on-demand-lru", "Nothing ahead of time; the least recently used leaves first.", EvictionOrder.LeastRecentlyUsed),
        new OnDemandPolicy("on-demand-belady", "Nothing ahead of time; the farthest next use leaves first (Belady's rule).", EvictionOrder.FarthestNextUse),
        new ZeroInfinityPolicy(),
        new SsdTrainPolicy(),
        new G10Policy(),
        new TeraioPolicy(),
        .. PlannedPolicies.All,
    ];

    /// <summary>The policy of that name, in whatever case.</summary>
    /// <exception cref="ConfigurationException">There is none; the message lists all.</exception>
    public static IMigrationPolicy Named(string name) =>
        All.FirstOrDefault(p => string.Equals(p.Name, name, StringComparison.OrdinalIgnoreCase))
        ?? throw new ConfigurationException($"There is no policy '{name}'; there are {string.Join(", ", All.Select(static p => p.Name))}.");
}
