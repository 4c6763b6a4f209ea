using TeraIO.Core;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;

namespace TeraIO.Planner.Simulation;

/// <summary>
/// Predicts one steady iteration of a trace under a plan. Event-driven and deterministic; follows the rules of the engine (Core's Migrator, Evictor and
/// Restorer), one op after the other:
/// <list type="number">
/// <item>Before the op its recomputations run. Then its inputs are pinned. One that the plan is bringing back is waited for; one that is away is read
/// on demand, ahead of all queued reads. Room for what is read is made by eviction, in the plan's order; offloads in flight count as gone and are waited for.</item>
/// <item>Room is made in the same way for what the op creates and for its workspace. Then it runs; running transfers slow it down by
/// <see cref="MachineModel.ComputeSecondsPerByte"/>.</item>
/// <item>When it has ended, what it frees is freed, the plan's offloads begin (a piece whose tier holds its bytes is dropped at once), and the plan's
/// prefetches before the next op join a queue. The first of the queue begins as soon as it fits beside what the next op creates.</item>
/// </list>
/// Tensors move in pieces: the parts between the ends of the plan's partial migrations, whole tensors where it has none. An op needs all pieces of its
/// tensors. Transfers of one tier and direction are served in order; see <see cref="TierModel"/> for depth, latency and interference. Iterations are
/// repeated until the state at the end is the state at the beginning. Thread-safe.
/// </summary>
public static class Simulator
{
    /// <summary>Simulates a plan; see the overload with a context when several are.</summary>
    /// <exception cref="TraceFormatException">The plan is not for this trace.</exception>
    /// <exception cref="ConfigurationException">The machine or an option is not possible.</exception>
    public static SimulationResult Run(Trace trace, MigrationPlan plan, MachineModel machine, SimulationOptions? options = null) =>
        Run(new SimulationContext(trace), plan, machine, options);

    /// <inheritdoc cref="Run(Trace, MigrationPlan, MachineModel, SimulationOptions?)"/>
    public static SimulationResult Run(SimulationContext context, MigrationPlan plan, MachineModel machine, SimulationOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(machine);
        options ??= SimulationOptions.Default;
        return TryPrepare(context, plan, machine, options)?.Execute() ?? Infeasible(context, context.WhyInfeasible(machine.MemoryBudget)!);
    }

    /// <returns>Null when an op does not fit the budget.</returns>
    internal static SimulationRun? TryPrepare(SimulationContext context, MigrationPlan plan, MachineModel machine, SimulationOptions options)
    {
        Check(machine, options);
        var compiled = new CompiledPlan(context, plan, options, machine.MemoryBudget);
        return context.WhyInfeasible(machine.MemoryBudget) is null ? new SimulationRun(context, compiled, plan.EvictionOrder, machine, options) : null;
    }

    internal static SimulationResult Infeasible(SimulationContext context, string reason) =>
        new() { Feasible = false, InfeasibleReason = reason, IdealSeconds = context.IdealSeconds };

    private static void Check(MachineModel machine, SimulationOptions options)
    {
        if (machine.MemoryBudget <= 0) throw new ConfigurationException($"The memory budget is {machine.MemoryBudget} bytes; it must be more than 0.");
        if (!(machine.ComputeSecondsPerByte >= 0) || !double.IsFinite(machine.ComputeSecondsPerByte))
            throw new ConfigurationException($"ComputeSecondsPerByte is {machine.ComputeSecondsPerByte}; it must be a number that is not negative.");
        if (options.HostAheadOps < 0) throw new ConfigurationException($"HostAheadOps is {options.HostAheadOps}; it must not be negative.");
        if (options.MostIterations < 1) throw new ConfigurationException($"MostIterations is {options.MostIterations}; it must be at least 1.");
    }
}
