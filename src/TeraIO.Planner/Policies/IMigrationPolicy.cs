using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Policies;

/// <summary>A way to decide which tensors move when. Stateless and thread-safe.</summary>
public interface IMigrationPolicy
{
    /// <summary>On the command line, such as <c>teraio</c> or <c>zero-infinity</c>.</summary>
    string Name { get; }

    /// <summary>One sentence: what it does and which paper it follows.</summary>
    string Description { get; }

    /// <summary>Makes a plan and simulates it.</summary>
    /// <param name="trace">One steady iteration.</param>
    /// <param name="machine">Budget and tiers.</param>
    /// <param name="progress">Told from 0 to 1; may be null.</param>
    /// <param name="cancellation">Ends it early.</param>
    PolicyResult Plan(Trace trace, MachineModel machine, IProgress<double>? progress = null, CancellationToken cancellation = default);
}

/// <summary>A plan and what the simulator makes of it.</summary>
/// <param name="Plan">The plan; empty of migrations when the simulation is not feasible.</param>
/// <param name="Simulation">One steady iteration under it, with per-op details but without the list of transfers.</param>
public sealed record PolicyResult(MigrationPlan Plan, SimulationResult Simulation);
