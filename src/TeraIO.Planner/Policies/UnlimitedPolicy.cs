using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Policies;

/// <summary>Memory for everything: what all others are compared with. Ignores the budget, and so exceeds it.</summary>
internal sealed class UnlimitedPolicy : IMigrationPolicy
{
    public string Name => "unlimited";

    public string Description => "Memory for everything, whatever the budget is: the ideal that others are compared with.";

    public PolicyResult Plan(Trace trace, MachineModel machine, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(machine);
        cancellation.ThrowIfCancellationRequested();
        MachineModel unlimited = machine with { MemoryBudget = long.MaxValue };
        return PlanAssembly.Simulate(
            new SimulationContext(trace), unlimited, MigrationPlan.OnDemand(trace, unlimited.MemoryBudget, EvictionOrder.LeastRecentlyUsed, Name));
    }
}
