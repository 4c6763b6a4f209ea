using TeraIO.Core.Plans;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Policies;

/// <summary>What policies do with their migrations in the end.</summary>
internal static class PlanAssembly
{
    /// <summary>Simulates a plan; one that is not feasible loses its migrations.</summary>
    public static PolicyResult Simulate(SimulationContext context, MachineModel machine, MigrationPlan plan)
    {
        SimulationResult result = Simulator.Run(context, plan, machine);
        plan = result.Feasible ? plan with { PredictedStepSeconds = result.StepSeconds } : plan with { Migrations = [] };
        return new PolicyResult(plan, result);
    }

    /// <summary>The plan with the shortest step; the earliest among equals.</summary>
    public static PolicyResult Best(SimulationContext context, MachineModel machine, IReadOnlyList<MigrationPlan> plans, IProgress<double>? progress, CancellationToken cancellation)
    {
        PolicyResult? best = null;
        for (int i = 0; i < plans.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            PolicyResult result = Simulate(context, machine, plans[i]);
            if (best is null || result.Simulation.StepSeconds < best.Simulation.StepSeconds) best = result;
            if (!result.Simulation.Feasible) break;
            progress?.Report((i + 1) / (double)plans.Count);
        }

        return best ?? throw new ArgumentException("There must be a plan.", nameof(plans));
    }

    /// <summary>Adds the whole tensor's way out and back.</summary>
    /// <param name="migrations">Gets both.</param>
    /// <param name="tensor">Index into the trace's tensors.</param>
    /// <param name="bytes">Its size.</param>
    /// <param name="tier">Where it waits.</param>
    /// <param name="after">The op after which it leaves.</param>
    /// <param name="goneBefore">The op before which it is to have left.</param>
    /// <param name="issue">The op before which it is asked back.</param>
    /// <param name="neededBefore">The op that needs it.</param>
    public static void AddRoundTrip(List<PlannedMigration> migrations, int tensor, long bytes, MemoryTier tier, int after, int goneBefore, int issue, int neededBefore)
    {
        migrations.Add(new PlannedMigration(MigrationKind.Offload, tensor, 0, bytes, tier, Writes: true, after, goneBefore));
        migrations.Add(new PlannedMigration(MigrationKind.Prefetch, tensor, 0, bytes, tier, Writes: false, issue, neededBefore));
    }

    /// <summary>Puts migrations into the order in which plans list them; those of one op and group stay in the order given.</summary>
    public static PlannedMigration[] InOrder(IEnumerable<PlannedMigration> migrations) =>
        [.. migrations.OrderBy(static m => (m.IssueOp, m.Kind is MigrationKind.Offload or MigrationKind.Discard))];
}
