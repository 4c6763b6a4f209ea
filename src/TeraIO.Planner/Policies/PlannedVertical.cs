using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Planning;

namespace TeraIO.Planner.Policies;

/// <summary>
/// Like <c>planned</c>, with the micro batches in vertical order where that is faster. The plan and the simulation are then of the reordered trace, whose name ends
/// in "(vertical)". For the simulator.
/// </summary>
internal sealed class PlannedVertical : PlannedPolicy
{
    public override string Name => "planned-vertical";

    public override string Description => "Like planned, and all micro batches pass a layer before the next one where that is faster (GreedySnake; simulator only).";

    public override PolicyResult Plan(Trace trace, MachineModel machine, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(trace);
        var options = new PlannerOptions { Policy = Name };
        PolicyResult asTraced = MigrationPlanner.Plan(trace, machine, options, progress, cancellation);
        Trace vertical = VerticalOrder.Apply(trace);
        if (ReferenceEquals(vertical, trace)) return asTraced;
        PolicyResult reordered = MigrationPlanner.Plan(vertical, machine, options with { TryOtherPolicies = false }, progress, cancellation);
        bool isFaster = reordered.Simulation.Feasible
            && (!asTraced.Simulation.Feasible || reordered.Simulation.StepSeconds < asTraced.Simulation.StepSeconds);
        return isFaster ? reordered : asTraced;
    }
}
