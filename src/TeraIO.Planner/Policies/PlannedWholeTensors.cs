using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Planning;

namespace TeraIO.Planner.Policies;

/// <summary>Whole tensors, in the order in which ops come: what the engine can carry out.</summary>
internal sealed class PlannedWholeTensors : PlannedPolicy
{
    public override string Name => "planned";

    public override string Description => "Lifetime-aware, cyclic and stall-aware planning with clean copies dropped and local search; whole tensors.";

    public override PolicyResult Plan(Trace trace, MachineModel machine, IProgress<double>? progress = null, CancellationToken cancellation = default) =>
        MigrationPlanner.Plan(trace, machine, new PlannerOptions { Policy = Name }, progress, cancellation);
}
