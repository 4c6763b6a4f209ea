using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Lifetimes;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Policies;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Planning;

/// <summary>
/// Recomputation as a third action beside moving and keeping: replaces the transfers of a tensor by a discard and a recomputation where its creating op takes
/// less time than the bytes take on the path, and where the simulated step gets shorter. First the best half, quarter, ... at once, then one by one.
/// </summary>
internal static class RecomputeChoice
{
    private const int MostSingleTries = 200;

    /// <summary>Improves a plan.</summary>
    public static PolicyResult Improve(Trace trace, MachineModel machine, PolicyResult start, CancellationToken cancellation)
    {
        if (!start.Simulation.Feasible || start.Simulation.StallSeconds <= 0) return start;
        var context = new SimulationContext(trace);
        List<int> candidates = Candidates(trace, machine, start.Plan);
        var chosen = new HashSet<int>();
        PolicyResult best = start;
        for (int count = candidates.Count; count > 0; count /= 2) TryWith([.. candidates.Take(count)]);
        int tries = (int)Math.Min(MostSingleTries, 6_000_000L / (3L * trace.Ops.Length));
        foreach (int tensor in candidates.Take(Math.Max(1, tries)))
        {
            var others = new HashSet<int>(chosen);
            if (!others.Remove(tensor)) others.Add(tensor);
            TryWith(others);
        }

        return best;

        void TryWith(HashSet<int> tensors)
        {
            cancellation.ThrowIfCancellationRequested();
            MigrationPlan plan = start.Plan with { Migrations = Rewrite(start.Plan.Migrations, tensors) };
            SimulationResult simulation = Simulator.Run(context, plan, machine);
            bool isBetter = simulation.Feasible && simulation.IsSteady && simulation.StepSeconds < best.Simulation.StepSeconds;
            if (!isBetter) return;
            best = new PolicyResult(plan with { PredictedStepSeconds = simulation.StepSeconds }, simulation);
            chosen = tensors;
        }
    }

    /// <summary>Tensors that the plan moves and that are cheaper to compute again, the greatest gain per second of computing first.</summary>
    private static List<int> Candidates(Trace trace, MachineModel machine, MigrationPlan plan)
    {
        ReadOnlySpan<TensorLifetime> lives = TraceLifetimes.Of(trace).Tensors;
        var gains = new List<(int Tensor, double Gain)>();
        var seen = new HashSet<int>();
        foreach (PlannedMigration migration in plan.Migrations)
        {
            if (migration.Kind != MigrationKind.Prefetch || lives[migration.Tensor].IsPersistent || !seen.Add(migration.Tensor)) continue;
            double compute = trace.Ops[lives[migration.Tensor].CreateOp].Seconds;
            double transfer = migration.Bytes * (1 / machine.Storage.ReadBandwidth + 1 / machine.Storage.WriteBandwidth + 2 * machine.ComputeSecondsPerByte);
            if (compute < transfer) gains.Add((migration.Tensor, transfer / Math.Max(compute, 1e-12)));
        }

        gains.Sort(static (a, b) => a.Gain != b.Gain ? b.Gain.CompareTo(a.Gain) : a.Tensor.CompareTo(b.Tensor));
        return [.. gains.Select(static g => g.Tensor)];
    }

    private static PlannedMigration[] Rewrite(IReadOnlyList<PlannedMigration> migrations, HashSet<int> tensors) => PlanAssembly.InOrder(migrations.Select(m =>
        !tensors.Contains(m.Tensor) ? m
        : m.Kind == MigrationKind.Offload ? m with { Kind = MigrationKind.Discard, Writes = false }
        : m with { Kind = MigrationKind.Recompute, IssueOp = m.DeadlineOp }));
}
