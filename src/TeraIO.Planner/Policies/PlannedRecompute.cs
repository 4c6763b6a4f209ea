using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Planning;

namespace TeraIO.Planner.Policies;

/// <summary>Like <c>planned</c>, and activations may be computed again instead of moved. For the simulator.</summary>
internal sealed class PlannedRecompute : PlannedPolicy
{
    public override string Name => "planned-recompute";

    public override string Description => "Like planned, and activations are computed again where that is cheaper than waiting (simulator only).";

    public override PolicyResult Plan(Trace trace, MachineModel machine, IProgress<double>? progress = null, CancellationToken cancellation = default) =>
        RecomputeChoice.Improve(trace, machine, MigrationPlanner.Plan(trace, machine, new PlannerOptions { Policy = Name }, progress, cancellation), cancellation);
}
