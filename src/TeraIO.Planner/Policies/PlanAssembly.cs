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

    /// <summary>Puts migrations into the order in which plans list them; those of one op and group stay in the order given.</summary>
    public static PlannedMigration[] InOrder(IEnumerable<PlannedMigration> migrations) =>
        [.. migrations.OrderBy(static m => (m.IssueOp, m.Kind is MigrationKind.Offload or MigrationKind.Discard))];
}
