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

    /// <summary>Puts migrations into the order in which plans list them; those of one op and group stay in the order given.</summary>
    public static PlannedMigration[] InOrder(IEnumerable<PlannedMigration> migrations) =>
        [.. migrations.OrderBy(static m => (m.IssueOp, m.Kind is MigrationKind.Offload or MigrationKind.Discard))];
}
