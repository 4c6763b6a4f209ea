using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Lifetimes;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Policies;

namespace TeraIO.Planner.Planning;

/// <summary>
/// The lifetime-aware planner. Its steps: find the inactive periods (<see cref="TraceLifetimes"/>); select which of them to use, by capped benefit per
/// transfer time and by farthest next use; place the transfers against a clock that is stretched where stalls cannot be avoided; simulate; and improve the
/// best plan by local search. Other policies' plans compete as well, so that it never loses to them. Deterministic and thread-safe.
/// </summary>
public static class MigrationPlanner
{
    /// <summary>Makes a plan and simulates it.</summary>
    /// <param name="trace">One steady iteration.</param>
    /// <param name="machine">Budget and tiers.</param>
    /// <param name="options">Null: the defaults.</param>
    /// <param name="progress">Told from 0 to 1; may be null.</param>
    /// <param name="cancellation">Ends it early with an exception.</param>
    /// <exception cref="Core.ConfigurationException">An option or the machine model makes no sense.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static PolicyResult Plan(
        Trace trace, MachineModel machine, PlannerOptions? options = null, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(trace);
        ArgumentNullException.ThrowIfNull(machine);
        options ??= new PlannerOptions();
        options.Validate();
        var search = new PlanSearch(trace, machine, options, progress, cancellation);
        Candidate best = search.Run();
        MigrationPlan plan = best.Plan with { Policy = options.Policy };
        return new PolicyResult(best.Simulation.Feasible ? plan : plan with { Migrations = [] }, best.Simulation);
    }
}
