using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Policies.Published;

/// <summary>
/// ZeRO-Infinity (SC 2021, arXiv 2104.07857) on one rank: parameters, gradients and optimizer state leave memory when the module that uses them has
/// ended and come back some modules ahead of the next that does. Parameters under DeepSpeed's persistence threshold of 100,000 elements stay. Each class
/// goes to host memory as a whole where it fits (parameters, then gradients, then optimizer state), to SSD otherwise. What its users tune is tried
/// by simulation, and the best is taken: 1, 2, 4 or 8 modules of prefetch (DeepSpeed counts the same in elements), and activations kept in
/// memory or moved by module too (its offload of checkpointed activations). Memory that is missing all the same - DeepSpeed would fail there - is made
/// by sending the least recently used tensor away.
/// </summary>
internal sealed class ZeroInfinityPolicy : IMigrationPolicy
{
    private const long PersistenceThreshold = 400_000; // 1e5 elements of 4 bytes

    /// <summary>Of the budget, at most, for what stays because it is small: thresholds are tuned for models that are large beside it.</summary>
    private const double MostPersistent = 0.05;

    private static readonly int[] _depths = [1, 2, 4, 8];

    public string Name => "zero-infinity";

    public string Description => "ZeRO-Infinity (2021): parameters, gradients and optimizer state move module by module, prefetched some modules ahead.";

    public PolicyResult Plan(Trace trace, MachineModel machine, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(machine);
        var context = new SimulationContext(trace);
        MigrationPlan empty = MigrationPlan.OnDemand(trace, machine.MemoryBudget, EvictionOrder.LeastRecentlyUsed, Name);
        if (MemoryEstimate.LeavesNothingToPlan(context, machine.MemoryBudget)) return PlanAssembly.Simulate(context, machine, empty);
        var runs = new ModuleRuns(context);
        List<InactivePeriod> periods = InactivePeriod.AllOf(context);
        bool[] stays = Persistent(context, machine.MemoryBudget);
        MemoryTier[] tiers = TiersOf(context, machine);
        var plans = new List<MigrationPlan>();
        foreach (int depth in _depths)
        {
            plans.Add(empty with { Migrations = Migrations(context, runs, periods, stays, tiers, depth, movesActivations: false) });
            plans.Add(empty with { Migrations = Migrations(context, runs, periods, stays, tiers, depth, movesActivations: true) });
        }

        return PlanAssembly.Best(context, machine, plans, progress, cancellation);
    }

    private static PlannedMigration[] Migrations(
        SimulationContext context, ModuleRuns runs, List<InactivePeriod> periods, bool[] stays, MemoryTier[] tiers, int depth, bool movesActivations)
    {
        var migrations = new List<PlannedMigration>();
        ReadOnlySpan<TraceTensor> tensors = context.Trace.Tensors;
        foreach (InactivePeriod period in periods)
        {
            if (stays[period.Tensor] || (!movesActivations && IsActivation(tensors[period.Tensor]))) continue;
            int run = runs.RunOf(period.After);
            int back = runs.RunOf(period.Before) - depth;
            if (back <= run) continue; // used again so soon that it is not released
            int offloadAfter = runs.LastOf(run);
            int prefetchBefore = runs.FirstOf(back) % context.OpCount;
            PlanAssembly.AddRoundTrip(
                migrations, period.Tensor, period.Bytes, tiers[period.Tensor], offloadAfter, prefetchBefore, prefetchBefore, period.Before % context.OpCount);
        }

        return PlanAssembly.InOrder(migrations);
    }

    private static bool IsActivation(TraceTensor tensor) => !tensor.IsPersistent && tensor.Kind != TensorKind.Gradient;

    private static bool[] Persistent(SimulationContext context, long budget)
    {
        var stays = new bool[context.TensorCount];
        for (long threshold = PersistenceThreshold; threshold > 0; threshold /= 2)
        {
            long bytes = 0;
            for (int i = 0; i < stays.Length; i++)
            {
                stays[i] = context.CreateOp[i] < 0 && context.Bytes[i] < threshold;
                if (stays[i]) bytes += context.Bytes[i];
            }

            if (bytes <= MostPersistent * budget) break;
            Array.Clear(stays);
        }

        return stays;
    }

    private static MemoryTier[] TiersOf(SimulationContext context, MachineModel machine)
    {
        var tiers = new MemoryTier[context.TensorCount];
        if (machine.Host is not { } host) return tiers;
        long left = host.Capacity;
        for (int group = 0; group < 4; group++)
        {
            long bytes = 0;
            for (int i = 0; i < tiers.Length; i++)
            {
                if (GroupOf(context.Trace.Tensors[i]) == group) bytes += context.Bytes[i];
            }

            if (bytes > left) continue;
            left -= bytes;
            for (int i = 0; i < tiers.Length; i++)
            {
                if (GroupOf(context.Trace.Tensors[i]) == group) tiers[i] = MemoryTier.Host;
            }
        }

        return tiers;
    }

    private static int GroupOf(TraceTensor tensor) => tensor.Kind switch
    {
        TensorKind.Parameter => 0,
        TensorKind.Gradient => 1,
        TensorKind.OptimizerState => 2,
        _ => tensor.IsPersistent ? 0 : 3,
    };
}
