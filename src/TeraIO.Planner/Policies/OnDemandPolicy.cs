using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Policies;

/// <summary>Moves nothing ahead of time; only the choice of what leaves differs.</summary>
internal sealed class OnDemandPolicy(string name, string description, EvictionOrder order) : IMigrationPolicy
{
    public string Name => name;

    public string Description => description;

    public PolicyResult Plan(Trace trace, MachineModel machine, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        return PlanAssembly.Simulate(new SimulationContext(trace), machine, MigrationPlan.OnDemand(trace, machine.MemoryBudget, order, name));
    }
}
