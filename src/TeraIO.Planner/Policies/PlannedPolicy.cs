using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;

namespace TeraIO.Planner.Policies;

/// <summary>A policy of the lifetime-aware planner; other such policies do not compete with it.</summary>
internal abstract class PlannedPolicy : IMigrationPolicy
{
    public abstract string Name { get; }

    public abstract string Description { get; }

    public abstract PolicyResult Plan(Trace trace, MachineModel machine, IProgress<double>? progress = null, CancellationToken cancellation = default);
}
