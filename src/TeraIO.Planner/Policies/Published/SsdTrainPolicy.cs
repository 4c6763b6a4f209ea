using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Policies.Published;

/// <summary>
/// SSDTrain (arXiv 2408.10013), much like FlashNeuron (FAST 2021): only activations move, each to SSD as soon as forward has used it last, and back
/// when backward reaches the module before. Adaptive: going through forward, modules are offloaded up to the first whose bytes - all offloaded so
/// far and its own reload - would need more bandwidth than there is until backward reaches it, which is taken to be three times the forward time less
/// twice what has passed; the rest is kept. Prefetch by 1, 2 or 4 modules is tried by simulation. It knows no budget: what is missing is made by
/// sending the least recently used tensor away.
/// </summary>
internal sealed class SsdTrainPolicy : IMigrationPolicy
{
    private static readonly int[] _depths = [1, 2, 4];

    public string Name => "ssdtrain";

    public string Description => "SSDTrain (2024): activations only, as many as the bandwidth carries until backward needs them.";

    public PolicyResult Plan(Trace trace, MachineModel machine, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(machine);
        var context = new SimulationContext(trace);
        MigrationPlan empty = MigrationPlan.OnDemand(trace, machine.MemoryBudget, EvictionOrder.LeastRecentlyUsed, Name);
        if (MemoryEstimate.LeavesNothingToPlan(context, machine.MemoryBudget)) return PlanAssembly.Simulate(context, machine, empty);
        var runs = new ModuleRuns(context);
        List<InactivePeriod> moved = Moved(context, machine.Storage, runs);
        var plans = new List<MigrationPlan>();
        foreach (int depth in _depths) plans.Add(empty with { Migrations = Migrations(context, runs, moved, depth) });
        return PlanAssembly.Best(context, machine, plans, progress, cancellation);
    }

    /// <summary>The periods from forward to backward that bandwidth can serve, micro batch by micro batch.</summary>
    private static List<InactivePeriod> Moved(SimulationContext context, TierModel storage, ModuleRuns runs)
    {
        var moved = new List<InactivePeriod>();
        Dictionary<int, List<InactivePeriod>> byRun = ByRun(context, runs);
        double bandwidth = Math.Min(storage.ReadBandwidth, storage.WriteBandwidth);
        int first = 0;
        while (first < runs.Count)
        {
            (int end, double forward) = ForwardOf(context, runs, first);
            if (end == first)
            {
                first++;
                continue;
            }

            double elapsed = 0;
            long offloaded = 0;
            for (int run = first; run < end; run++)
            {
                List<InactivePeriod> periods = byRun.GetValueOrDefault(run, []);
                long bytes = periods.Sum(static p => p.Bytes);
                if (offloaded + 2 * bytes > bandwidth * (3 * forward - 2 * elapsed)) break;
                moved.AddRange(periods);
                offloaded += bytes;
                elapsed += SecondsOf(context, runs, run);
            }

            first = end;
        }

        return moved;
    }

    /// <summary>The runs of forward of one micro batch that begin with <paramref name="first"/>: their end, and their seconds.</summary>
    private static (int End, double Seconds) ForwardOf(SimulationContext context, ModuleRuns runs, int first)
    {
        int end = first;
        double seconds = 0;
        int microBatch = context.Trace.Ops[runs.FirstOf(first)].MicroBatch;
        while (end < runs.Count)
        {
            ref readonly TraceOp op = ref context.Trace.Ops[runs.FirstOf(end)];
            if (op.Phase != OpPhase.Forward || op.MicroBatch != microBatch) break;
            seconds += SecondsOf(context, runs, end++);
        }

        return (end, seconds);
    }

    private static double SecondsOf(SimulationContext context, ModuleRuns runs, int run)
    {
        double seconds = 0;
        for (int op = runs.FirstOf(run); op <= runs.LastOf(run); op++) seconds += context.Seconds[op];
        return seconds;
    }

    private static Dictionary<int, List<InactivePeriod>> ByRun(SimulationContext context, ModuleRuns runs)
    {
        var byRun = new Dictionary<int, List<InactivePeriod>>();
        ReadOnlySpan<TraceOp> ops = context.Trace.Ops;
        foreach (InactivePeriod period in InactivePeriod.AllOf(context))
        {
            if (context.CreateOp[period.Tensor] < 0 || period.Before >= ops.Length) continue;
            if (ops[period.After].Phase != OpPhase.Forward || ops[period.Before].Phase != OpPhase.Backward) continue;
            int run = runs.RunOf(period.After);
            if (!byRun.TryGetValue(run, out List<InactivePeriod>? list)) byRun.Add(run, list = []);
            list.Add(period);
        }

        return byRun;
    }

    private static PlannedMigration[] Migrations(SimulationContext context, ModuleRuns runs, List<InactivePeriod> moved, int depth)
    {
        var migrations = new List<PlannedMigration>();
        int[] nextBackward = NextBackward(context);
        foreach (InactivePeriod period in moved)
        {
            int back = Math.Max(period.After + 1, runs.FirstOf(Math.Max(0, runs.RunOf(period.Before) - depth)));
            // A reload before backward has begun would only undo the offload.
            back = Math.Min(period.Before, nextBackward[back]);
            PlanAssembly.AddRoundTrip(migrations, period.Tensor, period.Bytes, MemoryTier.Ssd, period.After, back, back, period.Before);
        }

        return PlanAssembly.InOrder(migrations);
    }

    /// <summary>Per op the first op of backward that is not before it.</summary>
    private static int[] NextBackward(SimulationContext context)
    {
        var next = new int[context.OpCount];
        int backward = context.OpCount;
        for (int op = context.OpCount - 1; op >= 0; op--)
        {
            if (context.Trace.Ops[op].Phase == OpPhase.Backward) backward = op;
            next[op] = backward;
        }

        return next;
    }
}
